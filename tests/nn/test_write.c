/* test_write.c - what a save does to the disk: each of its calls fails, with a handler that clears the error too; full disks, limits,
   modes, links, and the temporaries of processes that were killed. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "nn/nn.h"
#include "tests/support/scratch.h"

#include <sys/syscall.h>

/* -------- the calls of a save, one of which fails: these take the place of the C library's */

typedef enum call { NONE, PWRITE, FSYNC, FSYNC_FOLDER, RENAME, FCHMOD, FCHOWN, FLOCK, CALLS } call;
static const char *const call_names[] = {"none", "pwrite", "fsync", "fsync of the folder", "rename", "fchmod", "fchown", "flock"};
static struct { call call; int code, mode, part; } plan; /* mode: of the temporary, while it was written; part: no more at once */

static bool fails(call which) {
    if (plan.call != which) return false;
    if (plan.code == EINTR) plan.call = NONE; /* once */
    errno = plan.code;
    return true;
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at) {
    struct stat s;
    if (fails(PWRITE)) return plan.code ? -1 : 0;
    plan.mode = fstat(fd, &s) == 0 ? (int)(s.st_mode & 07777) : -1;
    if (plan.part && n > (size_t)plan.part) n = (size_t)plan.part;
    return (ssize_t)syscall(SYS_pwrite64, fd, from, n, at);
}
int fsync(int fd) {
    struct stat s;
    if (fstat(fd, &s) == 0 && fails(S_ISDIR(s.st_mode) ? FSYNC_FOLDER : FSYNC)) return -1;
    return (int)syscall(SYS_fsync, fd);
}
int rename(const char *from, const char *to) { return fails(RENAME) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0); }
int fchmod(int fd, mode_t mode) { return fails(FCHMOD) ? -1 : (int)syscall(SYS_fchmod, fd, mode); }
int fchown(int fd, uid_t user, gid_t group) { return fails(FCHOWN) ? -1 : (int)syscall(SYS_fchown, fd, user, group); }
int flock(int fd, int how) { return fails(FLOCK) ? -1 : (int)syscall(SYS_flock, fd, how); }

/* -------- ways to save */

static rg_tensor *as_it_is(const char *at, rg_nn *net, rg_tensor *const *in) { return (void)at, (void)net, in[0]; }
static rg_nn *make_net(void) {
    rg_nn *net = rg_nn_new(t, "one", as_it_is, sizeof(rg_nn));
    rg_nn_param(net, "w", RG_NORMAL(0, 1), 30, 40);
    return net;
}
static int save_net(void) { return rg_nn_save(make_net(), path); }
static int save_state(void) {
    rg_state *run = rg_state_new(t);
    rg_state_net(run, NULL, make_net());
    return rg_state_save(run, path);
}
static int save_list(void) { return rg_safetensors_save(t, path, rg_nn_params(make_net())); }
static int save_npy(void) { return rg_npy_save(rg_full(t, 3, 30, 40), path); }
static int save_npz(void) {
    rg_tensor *items[] = {rg_set_name(rg_full(t, 3, 30, 40), "x"), rg_set_name(rg_full(t, 4, 7), "y")};
    return rg_npz_save(t, path, (rg_list){items, 2});
}
typedef struct way { const char *name; int (*save)(void); } way;
static const way ways[] = {{"rg_nn_save", save_net}, {"rg_state_save", save_state}, {"rg_safetensors_save", save_list},
    {"rg_npy_save", save_npy}, {"rg_npz_save", save_npz}};
enum { WAYS = sizeof ways / sizeof *ways };

static char said[1024];
static void clears(void *ctx, rg_code code, const char *message) {
    (void)code;
    snprintf(said, sizeof said, "%s", message);
    rg_error_clear(ctx);
}

static void old_file(void) {
    scratch_write(path, folder, "file", "the old file", 12);
    chmod(path, 0600);
}

static void assert_old(void) {
    char found[64] = "";
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("the old file is gone");
    found[fread(found, 1, sizeof found - 1, f)] = 0;
    fclose(f);
    assert_string_equal(found, "the old file");
}

static int entries(void) {
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));) n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(d);
    return n;
}

/* -------- failures */

/* Whatever fails, and whether or not the handler clears the error: -1, the old file, nothing more in the folder. */
static void each_call_fails(void **state) {
    const way *how = *state;
    static const struct { call call; int code; } tries[] = {{PWRITE, ENOSPC}, {PWRITE, EIO}, {PWRITE, EDQUOT}, {PWRITE, 0}, {FSYNC, EIO},
        {FSYNC, ENOSPC}, {RENAME, EIO},
        {RENAME, EACCES}, {FCHMOD, EPERM}};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
        for (int clear = 0; clear < 2; clear++) {
            old_file();
            *said = 0;
            rg_on_error(t, clear ? clears : NULL, t);
            plan.call = tries[i].call, plan.code = tries[i].code;
            const int status = how->save();
            plan.call = NONE;
            if (status != -1)
                fail_msg("%s fails with '%s': the save returned %d", call_names[tries[i].call], strerror(tries[i].code), status);
            assert_old();
            assert_int_equal(entries(), 1);
            assert_non_null(strstr(clear ? said : rg_error(t), tries[i].code ? strerror(tries[i].code) : strerror(ENOSPC)));
            assert_int_equal(rg_error_code(t), clear ? RG_OK : RG_EIO);
            rg_error_clear(t);
        }
    rg_on_error(t, NULL, NULL);
    assert_int_equal(how->save(), 0);
    rg_tape_reset(t);
}

/* What is no failure: an interrupted write, one in parts, a file system without locks or without fsync of folders. */
static void odd_but_good(void **state) {
    (void)state;
    static const struct { call call; int code, part; } tries[] = {{PWRITE, EINTR, 0}, {NONE, 0, 7}, {FLOCK, ENOLCK, 0},
        {FSYNC_FOLDER, EINVAL, 0}};
    rg_nn *net = make_net();
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        old_file();
        plan.call = tries[i].call, plan.code = tries[i].code, plan.part = tries[i].part;
        const int status = rg_nn_save(net, path);
        plan.call = NONE, plan.part = 0;
        assert_int_equal(status, 0);
        assert_int_equal(rg_nn_load(net, path), 0);
        assert_int_equal(entries(), 1);
    }
}

/* save.h: the new file is in its place, and the message says so. */
static void the_folder_cannot_be_flushed(void **state) {
    (void)state;
    rg_nn *net = make_net();
    for (int clear = 0; clear < 2; clear++) {
        old_file();
        rg_on_error(t, clear ? clears : NULL, t);
        plan.call = FSYNC_FOLDER, plan.code = EIO;
        const int status = rg_nn_save(net, path);
        plan.call = NONE;
        assert_int_equal(status, -1);
        assert_non_null(strstr(clear ? said : rg_error(t), "the new file is in its place"));
        rg_error_clear(t);
        assert_int_equal(rg_nn_load(net, path), 0);
        assert_int_equal(entries(), 1);
    }
    rg_on_error(t, NULL, NULL);
}

/* A limit of the file's size: no SIGXFSZ. In a child, which reports by its status. */
static void a_limit_of_the_file_s_size(void **state) {
    const way *how = *state;
    old_file();
    for (int clear = 0; clear < 2; clear++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            rg_on_error(t, clear ? clears : NULL, t);
            setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, 1000});
            const int status = how->save();
            _exit(status == -1 && strstr(clear ? said : rg_error(t), strerror(EFBIG)) ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFSIGNALED(status)) fail_msg("ended by signal %d", WTERMSIG(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_old();
        assert_int_equal(entries(), 1);
    }
}

static void no_memory_for_the_writer(void **state) {
    const way *how = *state;
    rg_on_error(t, clears, t);
    for (int64_t k = 0;; k++) {
        old_file();
        memory.calls = 0, memory.fail_at = k;
        const int status = how->save();
        const bool failed = memory.calls > k;
        memory.fail_at = -1;
        rg_tape_reset(t);
        if (!failed) break;
        if (status == 0) continue; /* what failed was the making of what is saved, and the handler cleared it; or a cache */
        assert_old();
        assert_int_equal(entries(), 1);
    }
    rg_on_error(t, NULL, NULL);
}

/* -------- modes and owners */

static int mode_of(const char *name) {
    struct stat s;
    return stat(name, &s) == 0 ? (int)(s.st_mode & 07777) : -1;
}

static void the_mode_is_kept(void **state) {
    const way *how = *state;
    static const int modes[] = {0600, 0640, 0444, 0644, 0777};
    const mode_t before = umask(022);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        old_file();
        chmod(path, (mode_t)modes[i]);
        assert_int_equal(how->save(), 0);
        assert_int_equal(mode_of(path), modes[i]);
        assert_int_equal(plan.mode, 0600); /* of the temporary */
        chmod(path, 0600);
    }
    static const int masks[] = {022, 077, 0};
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        unlink(path);
        umask((mode_t)masks[i]);
        assert_int_equal(how->save(), 0);
        assert_int_equal(mode_of(path), 0666 & ~masks[i]);
    }
    umask(before);
    rg_tape_reset(t);
}

/* Root gives the file back to its owner. Who may not leaves the group nothing that was meant for another one. */
static void the_owner_is_kept(void **state) {
    (void)state;
    struct stat s;
    if (geteuid() != 0) skip();
    old_file();
    assert_int_equal(chown(path, 65534, 12345), 0);
    chmod(path, 0664);
    assert_int_equal(save_net(), 0);
    assert_int_equal(stat(path, &s), 0);
    assert_true(s.st_uid == 65534 && s.st_gid == 12345 && (s.st_mode & 07777) == 0664);
    old_file();
    assert_int_equal(chown(path, 65534, 12345), 0);
    chmod(path, 0664);
    plan.call = FCHOWN, plan.code = EPERM;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (chmod(folder, 0777) || setgid(54321) || setuid(1)) _exit(2);
        plan.call = NONE;
        _exit(save_net() ? 1 : 0);
    }
    plan.call = NONE;
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(stat(path, &s), 0);
    assert_true(s.st_uid == 1 && s.st_gid == 54321);
    assert_int_equal(s.st_mode & 07777, 0604);
}

/* -------- temporaries */

static void make_entry(const char *name) {
    char there[1024];
    scratch_write(there, folder, name, "part", 4);
}
static bool is_there(const char *name) {
    char there[1024];
    struct stat s;
    snprintf(there, sizeof there, "%s/%s", folder, name);
    return lstat(there, &s) == 0;
}

static void what_killed_saves_left_is_removed(void **state) {
    (void)state;
    static const char *const stale[] = {"file.1-0.tmp", "file.1-99.tmp", "file.4194304-999999999.tmp"},
        *const others[] = {"file.tmp", "file.1-.tmp", "file.-1.tmp", "file.1-1.tmp2", "file.1-a.tmp", "fil.1-1.tmp", "file2.1-1.tmp",
        "file.1.tmp", "xfile.1-1.tmp"};
    char there[1024];
    for (size_t i = 0; i < sizeof stale / sizeof *stale; i++) make_entry(stale[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) make_entry(others[i]);
    snprintf(there, sizeof there, "%s/file.2-1.tmp", folder);
    assert_int_equal(mkdir(there, 0777), 0);
    snprintf(there, sizeof there, "%s/file.2-2.tmp", folder);
    assert_int_equal(symlink("file.tmp", there), 0);
    make_entry("file.2-3.tmp"); /* of a living process: it holds the lock */
    snprintf(there, sizeof there, "%s/file.2-3.tmp", folder);
    const int fd = open(there, O_WRONLY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    old_file();
    for (int k = 0; k < 2; k++) {
        assert_int_equal(save_net(), 0);
        for (size_t i = 0; i < sizeof stale / sizeof *stale; i++) assert_false(is_there(stale[i]));
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            if (!is_there(others[i])) fail_msg("%s was removed", others[i]);
        assert_true(is_there("file.2-1.tmp") && is_there("file.2-2.tmp"));
        assert_int_equal(is_there("file.2-3.tmp"), k == 0);
        if (k == 0) close(fd); /* the process ends */
    }
}

/* A process has the same number at each start, as in a container, and is killed each time. */
static void a_hundred_killed_saves_in_a_container(void **state) {
    (void)state;
    char name[64];
    for (int k = 0; k < 150; k++) {
        snprintf(name, sizeof name, "file.%ld-%d.tmp", (long)getpid(), k);
        make_entry(name);
    }
    old_file();
    assert_int_equal(save_net(), 0);
    assert_int_equal(entries(), 1);
}

/* No locks: nothing is taken for stale. */
static void without_locks_nothing_is_removed(void **state) {
    (void)state;
    make_entry("file.1-0.tmp");
    old_file();
    plan.call = FLOCK, plan.code = ENOLCK;
    for (int k = 0; k < 3; k++) assert_int_equal(save_net(), 0);
    plan.call = NONE;
    assert_int_equal(entries(), 2);
}

static void another_took_the_temporary(void **state) {
    (void)state;
    old_file();
    plan.call = FLOCK, plan.code = EWOULDBLOCK;
    assert_int_equal(save_net(), -1); /* each time */
    plan.call = NONE;
    assert_old();
    assert_non_null(strstr(rg_error(t), "cannot be written: other processes took or removed each of 100 temporary files"));
    rg_error_clear(t);
}

/* -------- links and names */

static void links(void **state) {
    (void)state;
    char link_path[1024], other[1024];
    struct stat s, h;
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(link_path, sizeof link_path, "%s/link", folder);
    rg_nn *net = make_net();
    assert_int_equal(symlink("file", link_path), 0);
    assert_int_equal(rg_nn_save(net, link_path), -1); /* dangling */
    assert_non_null(strstr(rg_error(t), "/link: is a link to a file that does not exist"));
    rg_error_clear(t);
    assert_int_equal(entries(), 1);
    old_file();
    assert_int_equal(rg_nn_save(net, link_path), 0);
    assert_true(lstat(link_path, &s) == 0 && S_ISLNK(s.st_mode) && stat(path, &s) == 0 && s.st_size > 1000);
    assert_int_equal(mode_of(path), 0600);
    unlink(link_path);
    assert_int_equal(symlink("link", link_path), 0); /* a loop */
    assert_int_equal(rg_nn_save(net, link_path), -1);
    assert_non_null(strstr(rg_error(t), strerror(ELOOP)));
    rg_error_clear(t);
    assert_true(lstat(link_path, &s) == 0 && S_ISLNK(s.st_mode));
    old_file();
    snprintf(other, sizeof other, "%s/hard", folder);
    assert_int_equal(link(path, other), 0);
    assert_int_equal(rg_nn_save(net, path), 0); /* the other name keeps the old file */
    assert_true(stat(path, &s) == 0 && stat(other, &h) == 0 && s.st_ino != h.st_ino && h.st_size == 12);
}

static void names(void **state) {
    (void)state;
    static char deep[PATH_MAX + 10];
    rg_nn *net = make_net();
    snprintf(path, sizeof path, "%s/", folder);
    memset(path + strlen(path), 'x', 300);
    assert_int_equal(rg_nn_save(net, path), -1);
    assert_non_null(strstr(rg_error(t), strerror(ENAMETOOLONG)));
    rg_error_clear(t);
    for (size_t n = sizeof deep - 1, k = PATH_MAX - 80; k < n; k += 7) {
        memset(deep, 0, sizeof deep);
        for (size_t i = 0; i < k; i++) deep[i] = i % 2 ? '/' : '.';
        deep[k - 1] = 'x';
        const int status = rg_nn_save(net, deep);
        if (status) assert_int_equal(rg_error_code(t), RG_EIO);
        rg_error_clear(t);
        if (!status) unlink(deep);
    }
    assert_int_equal(rg_nn_save(net, ""), -1);
    rg_error_clear(t);
    if (chdir(folder)) abort();
    assert_int_equal(rg_nn_save(net, "here"), 0);
    assert_int_equal(rg_nn_load(net, "here"), 0);
    assert_int_equal(entries(), 1);
    if (chdir("/")) abort();
}

int main(void) {
    cases c = {0};
    for (int i = 0; i < WAYS; i++) CASE(&c, each_call_fails, &ways[i], "each call fails: %s", ways[i].name);
    for (int i = 0; i < WAYS; i++) CASE(&c, a_limit_of_the_file_s_size, &ways[i], "a limit of the file's size: %s", ways[i].name);
    for (int i = 0; i < WAYS; i++) CASE(&c, no_memory_for_the_writer, &ways[i], "no memory: %s", ways[i].name);
    for (int i = 0; i < WAYS; i++) CASE(&c, the_mode_is_kept, &ways[i], "the mode is kept: %s", ways[i].name);
    CASE(&c, the_owner_is_kept, NULL, "the owner is kept");
    CASE(&c, odd_but_good, NULL, "odd, but no failure");
    CASE(&c, the_folder_cannot_be_flushed, NULL, "the folder cannot be flushed");
    CASE(&c, what_killed_saves_left_is_removed, NULL, "what killed saves left is removed");
    CASE(&c, a_hundred_killed_saves_in_a_container, NULL, "a hundred killed saves in a container");
    CASE(&c, without_locks_nothing_is_removed, NULL, "without locks nothing is removed");
    CASE(&c, another_took_the_temporary, NULL, "another process took the temporary");
    CASE(&c, links, NULL, "links");
    CASE(&c, names, NULL, "names");
    return cases_run(&c, "write");
}
