/* Made by golden_extremes.py with PyTorch 1.13.0a0: name, operands, parameters, and for f32 and f64 the letters of
   the result and of its gradients, at NaN, inf, -inf, 0, -0, the smallest subnormal and its negative, the largest and its negative. */
{"abs", 1, 0, 0, {{"niizzpppp", "zpmzzpmpm", ""}, {"niizzpppp", "zpmzzpmpm", ""}}},
{"acos", 1, 0, 0, {{"nnnppppnn", "nnnmmmmnn", ""}, {"nnnppppnn", "nnnmmmmnn", ""}}},
{"add", 2, 0, 0, {
    {"nnnnnnnnnniniiiiiinnjjjjjjjnijzzpmpmnijzypmpmnijpppzpmnijmmzmpmnijppppiznijmmmmzj", "ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp", "ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"}, 
    {"nnnnnnnnnniniiiiiinnjjjjjjjnijzzpmpmnijzypmpmnijpppzpmnijmmzmpmnijppppiznijmmmmzj", "ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp", "ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"}}},
{"add_scalar", 1, 0.75, 0, {{"nijpppppm", "ppppppppp", ""}, {"nijpppppm", "ppppppppp", ""}}},
{"asin", 1, 0, 0, {{"nnnzypmnn", "nnnppppnn", ""}, {"nnnzypmnn", "nnnppppnn", ""}}},
{"atan", 1, 0, 0, {{"npmzypmpm", "nzzppppzz", ""}, {"npmzypmpm", "nzzppppzz", ""}}},
{"atan2", 2, 0, 0, {
    {"nnnnnnnnnnppppppppnmmmmmmmmnzpzpzpzpnymymymymnzpppppzpnymmmmmymnzpppppppnymmmmmmm", "nnnnnnnnnnnnzyzyzynnnzyzyzynnnnnijzynnnnnijzynnnnnijzynnnnnijzynnnzyzyzynnnzyzyzy", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnyynnnnyynzznnnnzznyyjjjjyynzziiiizznyyyyyyyynzzzzzzzz"}, 
    {"nnnnnnnnnnppppppppnmmmmmmmmnzpzpzpzpnymymymymnzpppppzpnymmmmmymnzpppppppnymmmmmmm", "nnnnnnnnnnnnzyzyzynnnzyzyzynnnnnijzynnnnnijzynnnnnijzynnnnnijzynnnzyzyzynnnzyzyzy", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnyynnnnyynzznnnnzznyyjjjjyynzziiiizznyyyyyyyynzzzzzzzz"}}},
{"ceil", 1, 0, 0, {{"nijzypypm", "zzzzzzzzz", ""}, {"nijzypypm", "zzzzzzzzz", ""}}},
{"clamp", 1, -0.75, 1.25, {{"npmzypmpm", "zzzppppzz", ""}, {"npmzypmpm", "zzzppppzz", ""}}},
{"cos", 1, 0, 0, {{"nnnpppppp", "nnnyzmppm", ""}, {"nnnppppmm", "nnnyzmpmp", ""}}},
{"cosh", 1, 0, 0, {{"niippppii", "nijzypmij", ""}, {"niippppii", "nijzypmij", ""}}},
{"div", 2, 0, 0, {
    {"nnnnnnnnnnnnijijijnnnjijijinzynnzyzynyznnyzyznzyijpmzynyzjimpyznzyijijpmnyzjijimp", "nzyijijpmnzyijijpmnzyijijpmnzyijijpmnzyijijpmnzyijijpmnzyijijpmnzyijijpmnzyijijpm", "nnnnnnnnnnnnjjjjjjnnniiiiiinyynnyyyynzznnzzzznyyjjjjyynzziiiizznyyjjjjmmnzziiiipp"}, 
    {"nnnnnnnnnnnnijijijnnnjijijinzynnzyzynyznnyzyznzyijpmzynyzjimpyznzyijijpmnyzjijimp", "nzyijijpmnzyijijpmnzyijijpmnzyijijpmnzyijijpmnzyijijpmnzyijijpmnzyijijpmnzyijijpm", "nnnnnnnnnnnnjjjjjjnnniiiiiinyynnyyyynzznnzzzznyyjjjjyynzziiiizznyyjjjjmmnzziiiipp"}}},
{"elu", 1, 0.75, 0, {{"nimzzpzpm", "ppzpppppz", ""}, {"nimzzpzpm", "npzpppppz", ""}}},
{"eq", 2, 0, 0, {
    {"zzzzzzzzzzpzzzzzzzzzpzzzzzzzzzppzzzzzzzppzzzzzzzzzpzzzzzzzzzpzzzzzzzzzpzzzzzzzzzp", "", ""}, 
    {"zzzzzzzzzzpzzzzzzzzzpzzzzzzzzzppzzzzzzzppzzzzzzzzzpzzzzzzzzzpzzzzzzzzzpzzzzzzzzzp", "", ""}}},
{"erf", 1, 0, 0, {{"npmzypmpm", "nzzppppzz", ""}, {"npmzypmpm", "nzzppppzz", ""}}},
{"erfc", 1, 0, 0, {{"nzpppppzp", "nyymmmmyy", ""}, {"nzpppppzp", "nyymmmmyy", ""}}},
{"exp", 1, 0, 0, {{"nizppppiz", "nizppppiz", ""}, {"nizppppiz", "nizppppiz", ""}}},
{"expm1", 1, 0, 0, {{"nimzypmim", "nizppppiz", ""}, {"nimzypmim", "nizppppiz", ""}}},
{"floor", 1, 0, 0, {{"nijzyzmpm", "zzzzzzzzz", ""}, {"nijzyzmpm", "zzzzzzzzz", ""}}},
{"ge", 2, 0, 0, {
    {"zzzzzzzzzzppppppppzzpzzzzzzzzpppzpzpzzpppzpzpzzpppppzpzzpzzzpzpzzpppppppzzpzzzzzp", "", ""}, 
    {"zzzzzzzzzzppppppppzzpzzzzzzzzpppzpzpzzpppzpzpzzpppppzpzzpzzzpzpzzpppppppzzpzzzzzp", "", ""}}},
{"gelu", 1, 0, 0, {{"ninzzzzpz", "nnnpppppz", ""}, {"ninzyzypy", "nnnpppppz", ""}}},
{"gelu_tanh", 1, 0, 0, {{"ninzyzypy", "nnnppppnn", ""}, {"ninzyzypy", "nnnppppnn", ""}}},
{"gt", 2, 0, 0, {
    {"zzzzzzzzzzzpppppppzzzzzzzzzzzpzzzpzpzzpzzzpzpzzpppzpzpzzpzzzzzpzzpppppzpzzpzzzzzz", "", ""}, 
    {"zzzzzzzzzzzpppppppzzzzzzzzzzzpzzzpzpzzpzzzpzpzzpppzpzpzzpzzzzzpzzpppppzpzzpzzzzzz", "", ""}}},
{"hardsigmoid", 1, 0, 0, {{"npzpppppz", "zzzppppzz", ""}, {"npzpppppz", "zzzppppzz", ""}}},
{"hardtanh", 1, 0, 0, {{"npmzypmpm", "pzzppppzz", ""}, {"npmzypmpm", "zzzppppzz", ""}}},
{"isfinite", 1, 0, 0, {{"zzzpppppp", "", ""}, {"zzzpppppp", "", ""}}},
{"isnan", 1, 0, 0, {{"pzzzzzzzz", "", ""}, {"pzzzzzzzz", "", ""}}},
{"le", 2, 0, 0, {
    {"zzzzzzzzzzpzzzzzzzzppppppppzpzpppzpzzpzpppzpzzpzzzpzpzzpzpppppzzpzzzzzpzzpzpppppp", "", ""}, 
    {"zzzzzzzzzzpzzzzzzzzppppppppzpzpppzpzzpzpppzpzzpzzzpzpzzpzpppppzzpzzzzzpzzpzpppppp", "", ""}}},
{"leaky_relu", 1, 0.01, 0, {{"nijzypypm", "ppppppppp", ""}, {"nijzypypm", "ppppppppp", ""}}},
{"log", 1, 0, 0, {{"ninjjmnpn", "nzyijijpm", ""}, {"ninjjmnpn", "nzyijijpm", ""}}},
{"log1p", 1, 0, 0, {{"ninzyzzin", "nzypppppm", ""}, {"ninzyzzin", "nzypppppm", ""}}},
{"log2", 1, 0, 0, {{"ninjjmnpn", "nzyijijpm", ""}, {"ninjjmnpn", "nzyijijpm", ""}}},
{"log_sigmoid", 1, 0, 0, {{"nzjmmmmzm", "nzpppppzp", ""}, {"nzjmmmmzm", "nzpppppzp", ""}}},
{"logaddexp", 2, 0, 0, {
    {"nnnnnnnnnniiiiiiiinijzzpmpmnizpppppznizpppppznipppppppnimpppppmnipppppppnimzzpmpm", "nnnnnnnnnnnpppppppnznzzzzzznzpppppzpnzpppppzpnzpppppzpnzpppppzpnzpppppppnzpzzzzzp", "nnnnnnnnnnnzzzzzzznpnppppppnpzpppppznpzpppppznpzpppppznpzpppppznpzzzzzpznpzpppppp"}, 
    {"nnnnnnnnnniiiiiiiinijzzpmpmnizpppppznizpppppznipppppppnimpppppmnipppppppnimzzpmpm", "nnnnnnnnnnnpppppppnznzzzzzznzpppppzpnzpppppzpnzpppppzpnzpppppzpnzpppppppnzpzzzzzp", "nnnnnnnnnnnzzzzzzznpnppppppnpzpppppznpzpppppznpzpppppznpzpppppznpzzzzzpznpzpppppp"}}},
{"logical_and", 2, 0, 0, {
    {"pppzzpppppppzzpppppppzzppppzzzzzzzzzzzzzzzzzzpppzzpppppppzzpppppppzzpppppppzzpppp", "", ""}, 
    {"pppzzpppppppzzpppppppzzppppzzzzzzzzzzzzzzzzzzpppzzpppppppzzpppppppzzpppppppzzpppp", "", ""}}},
{"logical_not", 1, 0, 0, {{"zzzppzzzz", "", ""}, {"zzzppzzzz", "", ""}}},
{"logical_or", 2, 0, 0, {
    {"ppppppppppppppppppppppppppppppzzpppppppzzpppppppppppppppppppppppppppppppppppppppp", "", ""}, 
    {"ppppppppppppppppppppppppppppppzzpppppppzzpppppppppppppppppppppppppppppppppppppppp", "", ""}}},
{"logical_xor", 2, 0, 0, {
    {"zzzppzzzzzzzppzzzzzzzppzzzzpppzzpppppppzzppppzzzppzzzzzzzppzzzzzzzppzzzzzzzppzzzz", "", ""}, 
    {"zzzppzzzzzzzppzzzzzzzppzzzzpppzzpppppppzzppppzzzppzzzzzzzppzzzzzzzppzzzzzzzppzzzz", "", ""}}},
{"lt", 2, 0, 0, {
    {"zzzzzzzzzzzzzzzzzzzpzppppppzpzzzpzpzzpzzzpzpzzpzzzzzpzzpzpppzpzzpzzzzzzzzpzpppppz", "", ""}, 
    {"zzzzzzzzzzzzzzzzzzzpzppppppzpzzzpzpzzpzzzpzpzzpzzzzzpzzpzpppzpzzpzzzzzzzzpzpppppz", "", ""}}},
{"maximum", 2, 0, 0, {
    {"nnnnnnnnnniiiiiiiinijzypmpmnizzypzpzniyzypypynipppppppnimzypmpmnipppppppnimzypmpm", "pppppppppppppppppppzpzzzzzzpzpppzpzppzpppzpzppzpppppzppzpzzzpzppzppppppppzpzzzzzp", "pppppppppppzzzzzzzpppppppppppzpppzpzppzpppzpzppzzzpzpzppzpppppzppzzzzzpzppzpppppp"}, 
    {"nnnnnnnnnniiiiiiiinijzypmpmnizzypzpzniyzypypynipppppppnimzypmpmnipppppppnimzypmpm", "pppppppppppppppppppzpzzzzzzpzpppzpzppzpppzpzppzpppppzppzpzzzpzppzppppppppzpzzzzzp", "pppppppppppzzzzzzzpppppppppppzpppzpzppzpppzpzppzzzpzpzppzpppppzppzzzzzpzppzpppppp"}}},
{"minimum", 2, 0, 0, {
    {"nnnnnnnnnnijzypmpmnjjjjjjjjnzjzyzmzmnyjzyymymnpjzypmpmnmjmmmmmmnpjzypmpmnmjmmmmmm", "pppppppppppzzzzzzzpppppppppppzpppzpzppzpppzpzppzzzpzpzppzpppppzppzzzzzpzppzpppppp", "pppppppppppppppppppzpzzzzzzpzpppzpzppzpppzpzppzpppppzppzpzzzpzppzppppppppzpzzzzzp"}, 
    {"nnnnnnnnnnijzypmpmnjjjjjjjjnzjzyzmzmnyjzyymymnpjzypmpmnmjmmmmmmnpjzypmpmnmjmmmmmm", "pppppppppppzzzzzzzpppppppppppzpppzpzppzpppzpzppzzzpzpzppzpppppzppzzzzzpzppzpppppp", "pppppppppppppppppppzpzzzzzzpzpppzpzppzpppzpzppzpppppzppzpzzzpzppzppppppppzpzzzzzp"}}},
{"mish", 1, 0, 0, {{"ninzypmpy", "nnnpppppz", ""}, {"ninzypmpy", "nnnpppppz", ""}}},
{"mul", 2, 0, 0, {
    {"nnnnnnnnnnijnnijijnjinnjijinnnzyzyzynnnyzyzyznijzyzypmnjiyzyzmpnijzypmijnjiyzmpji", "nijzypmpmnijzypmpmnijzypmpmnijzypmpmnijzypmpmnijzypmpmnijzypmpmnijzypmpmnijzypmpm", "nnnnnnnnniiiiiiiiijjjjjjjjjzzzzzzzzzyyyyyyyyypppppppppmmmmmmmmmpppppppppmmmmmmmmm"}, 
    {"nnnnnnnnnnijnnijijnjinnjijinnnzyzyzynnnyzyzyznijzyzypmnjiyzyzmpnijzypmijnjiyzmpji", "nijzypmpmnijzypmpmnijzypmpmnijzypmpmnijzypmpmnijzypmpmnijzypmpmnijzypmpmnijzypmpm", "nnnnnnnnniiiiiiiiijjjjjjjjjzzzzzzzzzyyyyyyyyypppppppppmmmmmmmmmpppppppppmmmmmmmmm"}}},
{"mul_scalar", 1, -1.5, 0, {{"njiyzmpji", "mmmmmmmmm", ""}, {"njiyzmpji", "mmmmmmmmm", ""}}},
{"ne", 2, 0, 0, {
    {"ppppppppppzpppppppppzpppppppppzzpppppppzzpppppppppzpppppppppzpppppppppzpppppppppz", "", ""}, 
    {"ppppppppppzpppppppppzpppppppppzzpppppppzzpppppppppzpppppppppzpppppppppzpppppppppz", "", ""}}},
{"neg", 1, 0, 0, {{"njiyzmpmp", "mmmmmmmmm", ""}, {"njiyzmpmp", "mmmmmmmmm", ""}}},
{"pow", 2, 0, 0, {
    {"nnnppnnnnnizppiziznizppiziznzippzizinzippzizinzippppzinzippnnzinizppppiznizppnniz", "nnnzznnnnninzzzyiyninzzyziynnjzzijzjnnjzzjizjnnjzzijzjnnjzzjizjninzzzyiyninzzyziy", "nnnnnnnnnniniiininnnnnnnnnnnzjzzzjzjnzjzzzjzjnyjmmmmyjnnnnnnnnnnizppppiznnnnnnnnn"}, 
    {"nnnppnnnnnizppiziznizppiziznzippzizinzippzizinzippppzinzippnnzinizppppiznizppnniz", "nnnzznnnnninzzzyiyninzzyziynnjzzijzjnnjzzjizjnnjzzijzjnnjzzjizjninzzzyiyninzzyziy", "nnnnnnnnnniniiininnnnnnnnnnnzjzzzjzjnzjzzzjzjnyjmmmmyjnnnnnnnnnnizppppiznnnnnnnnn"}}},
{"pow_scalar", 1, 2.5, 0, {{"niizzznin", "niizzznin", ""}, {"niizzznin", "niizzznin", ""}}},
{"reciprocal", 1, 0, 0, {{"nzyijijpm", "nyyjjjjyy", ""}, {"nzyijijpm", "nyyjjjjyy", ""}}},
{"relu", 1, 0, 0, {{"nizzypzpz", "ppzzzpzpz", ""}, {"nizzypzpz", "ppzzzpzpz", ""}}},
{"round", 1, 0, 0, {{"nijzyzypm", "zzzzzzzzz", ""}, {"nijzyzypm", "zzzzzzzzz", ""}}},
{"rsqrt", 1, 0, 0, {{"nznijpnpn", "nynjijnyn", ""}, {"nznijpnpn", "nynjijnyn", ""}}},
{"selu", 1, 0, 0, {{"nimzzpzim", "ppzpppppz", ""}, {"nimzzpzim", "npzpppppz", ""}}},
{"sigmoid", 1, 0, 0, {{"npzpppppz", "nzzppppzz", ""}, {"npzpppppz", "nzzppppzz", ""}}},
{"sign", 1, 0, 0, {{"zpmzzpmpm", "zzzzzzzzz", ""}, {"zpmzzpmpm", "zzzzzzzzz", ""}}},
{"silu", 1, 0, 0, {{"ninzyzypy", "nnnpppppy", ""}, {"ninzyzypy", "nnnpppppy", ""}}},
{"sin", 1, 0, 0, {{"nnnzypmmp", "nnnpppppp", ""}, {"nnnzypmpm", "nnnppppmm", ""}}},
{"sinh", 1, 0, 0, {{"nijzypmij", "niippppii", ""}, {"nijzypmij", "niippppii", ""}}},
{"softplus", 1, 0, 0, {{"nizpppppz", "npzpppppz", ""}, {"nizpppppz", "npzpppppz", ""}}},
{"softsign", 1, 0, 0, {{"nnnzypmpm", "nnnppppzz", ""}, {"nnnzypmpm", "nnnppppzz", ""}}},
{"sqrt", 1, 0, 0, {{"ninzypnpn", "nznijpnpn", ""}, {"ninzypnpn", "nznijpnpn", ""}}},
{"square", 1, 0, 0, {{"niizzzzii", "nijzypmij", ""}, {"niizzzzii", "nijzypmij", ""}}},
{"sub", 2, 0, 0, {
    {"nnnnnnnnnnniiiiiiinjnjjjjjjnjizzmpmpnjiyzmpmpnjippzpmpnjimmmzmpnjippppzinjimmmmjz", "ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp", "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"}, 
    {"nnnnnnnnnnniiiiiiinjnjjjjjjnjizzmpmpnjiyzmpmpnjippzpmpnjimmmzmpnjippppzinjimmmmjz", "ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp", "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"}}},
{"tan", 1, 0, 0, {{"nnnzypmmp", "nnnpppppp", ""}, {"nnnzyzzmp", "nnnpppppp", ""}}},
{"tanh", 1, 0, 0, {{"npmzypmpm", "nzzppppzz", ""}, {"npmzypmpm", "nzzppppzz", ""}}},
