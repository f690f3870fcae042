/* diagram.h - boxes, circles and arrows: drawings of networks and computation graphs as PNG files.
 *
 *     diagram d = {.title = "y = x w", .width = 400, .height = 120};
 *     int x = diagram_circle(&d, 60, 70, 22, DIAGRAM_INPUT, "x"), y = diagram_box(&d, 300, 70, 110, 50, DIAGRAM_VALUE, "y\n[64, 10]");
 *     diagram_edge(&d, x, y, DIAGRAM_FORWARD, 0, "x w");
 *     int status = diagram_save(&d, path);
 *
 * Positions are centres, in canvas units; y counts downwards and includes the title. */
#ifndef RETROGRAD_SUPPORT_DIAGRAM_H
#define RETROGRAD_SUPPORT_DIAGRAM_H

#include <stdbool.h>

enum { DIAGRAM_NODES_MAX = 96, DIAGRAM_EDGES_MAX = 512, DIAGRAM_TEXT_MAX = 96 };

/* What a node means; each has a colour of its own. DIAGRAM_PLAIN is text alone. */
typedef enum diagram_role { DIAGRAM_INPUT, DIAGRAM_PARAMETER, DIAGRAM_VALUE, DIAGRAM_LOSS, DIAGRAM_GRADIENT, DIAGRAM_PLAIN } diagram_role;

/* LINK: a pale line. FORWARD: a grey arrow. BACKWARD: a red one. A legend explains the arrows where there are red ones. */
typedef enum diagram_kind { DIAGRAM_LINK, DIAGRAM_FORWARD, DIAGRAM_BACKWARD } diagram_kind;

typedef struct diagram_node {
    double x, y, width, height;
    bool round; /* a circle, or a box */
    diagram_role role;
    double align; /* of PLAIN text: 0 begins at x, .5 is centred */
    char text[DIAGRAM_TEXT_MAX]; /* lines after the first are small */
} diagram_node;

typedef struct diagram_arrow {
    int from, to;
    diagram_kind kind;
    double shift; /* to the right of its direction, so that two arrows can pass each other */
    char text[DIAGRAM_TEXT_MAX];
} diagram_arrow;

typedef struct diagram {
    const char *title;
    double width, height;
    int nodes, edges;
    diagram_node node[DIAGRAM_NODES_MAX];
    diagram_arrow edge[DIAGRAM_EDGES_MAX];
} diagram;

/* Each returns the node's number; format as in printf. More than fit are counted, and diagram_save then fails. */
__attribute__((format(printf, 7, 8))) int diagram_box(diagram *d, double x, double y, double width, double height, diagram_role role,
    const char *format, ...);
__attribute__((format(printf, 6, 7))) int diagram_circle(diagram *d, double x, double y, double radius, diagram_role role,
    const char *format, ...);
__attribute__((format(printf, 5, 6))) int diagram_note(diagram *d, double x, double y, double align, const char *format, ...);
void diagram_edge(diagram *d, int from, int to, diagram_kind kind, double shift, const char *text); /* text NULL: none */

/* Three dots, one below the other: units that are there but not drawn. */
void diagram_dots(diagram *d, double x, double y);

/* Draws it, makes the folders above `path`, and replaces the file in one step. Returns 0, or -1 after one line on stderr. */
int diagram_save(const diagram *d, const char *path);

#endif
