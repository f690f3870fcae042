"""NumPy's side of the files: arrays there and back, a checkpoint taken apart by hand, one made by hand. Prints TAP.
     python3 test_numpy.py EXCHANGE-PROGRAM FOLDER"""
import json, struct, subprocess, sys
import numpy as np

program, folder = sys.argv[1], sys.argv[2] + "/"
count = failures = 0

def ok(name, good):
    global count, failures
    count += 1
    failures += not good
    print(("ok" if good else "not ok"), count, "-", name, flush=True)

def skip(name, why):
    global count
    count += 1
    print("ok", count, "-", name, "# SKIP", why)

dtypes = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "u1"}

def read_safetensors(path):
    data = open(path, "rb").read()
    size, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    values = data[8 + size:]
    metadata = header.pop("__metadata__")
    end, tensors = 0, {}
    for name, t in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, stop = t["data_offsets"]
        assert begin == end and (8 + size + begin) % np.dtype(dtypes[t["dtype"]]).itemsize == 0, "gap, or not aligned"
        tensors[name], end = np.frombuffer(values[begin:stop], dtypes[t["dtype"]]).reshape(t["shape"]), stop
    assert end == len(values) and data[8:9] == b"{" and size % 8 == 0
    return metadata, tensors

def write_safetensors(path, tensors):
    header, values = {}, b""
    for name, x in tensors.items():
        header[name] = {"data_offsets": [len(values), len(values) + x.nbytes], "shape": list(x.shape), "dtype": "F32"}
        values += x.tobytes()
    text = json.dumps(header, indent=1).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + values)

r = np.random.default_rng(5)
theirs = {"f4": r.standard_normal((3, 4)).astype("f4"), "f8": r.standard_normal(7),
          "i4": r.integers(-9, 9, (2, 2), dtype="i4"), "u1": np.arange(256, dtype="u1"), "i8": r.integers(-2**31, 2**31, (5, 1, 2)),
          "number": np.float32(2.5), "none": np.zeros((0, 3)), "fortran": np.asfortranarray(r.standard_normal((4, 5, 2))),
          "sliced": np.arange(20.)[::3], "six": np.ones((1, 2, 1, 2, 1, 2), "f4"), "odd/name \u00e4": np.array([np.nan, np.inf, -0.0])}
np.savez_compressed(folder + "theirs.npz", **theirs)
np.save(folder + "theirs.npy", theirs["fortran"])
net = {"1.weight": r.standard_normal((4, 2)), "0.bias": r.standard_normal(4),
       "1.bias": r.standard_normal(2), "0.weight": r.standard_normal((3, 4))}
net = {name: x.astype("f4") for name, x in net.items()}
write_safetensors(folder + "theirs.safetensors", net)

done = subprocess.run([program, folder], capture_output=True, text=True)
ok("it reads and writes", done.returncode == 0)
print("# " + done.stderr if done.stderr else "# no error")

ours = np.load(folder + "ours.npz")
ok("the same names in the same order", list(ours) == list(theirs))
for name, x in theirs.items():
    want = x.astype("i4") if x.dtype == np.int64 else np.asarray(x)
    got = ours[name]
    same = got.dtype == want.dtype and got.shape == want.shape and got.tobytes() == want.tobytes()
    ok("npz: " + name.encode("ascii", "replace").decode(), same)
ok("npy", np.array_equal(np.load(folder + "ours.npy"), theirs["fortran"]))

metadata, tensors = read_safetensors(folder + "run.safetensors")
params = dict(np.load(folder + "net.npz"))
ok("a checkpoint's weights", all(np.array_equal(tensors.pop(name), x) for name, x in params.items()))
ok("and its optimiser", sorted(tensors) == sorted("@optim.%s.%s" % (name, s) for name in params for s in "mv")
   and metadata["@optim.0.weight.steps"] == "1" and float(metadata["@optim.0.lr"]) == 1 / 3)
m, v = (tensors["@optim.0.weight." + s] for s in "mv")
ok("Adam's m after a step is 0.1 g, its v 0.001 g^2", np.allclose(v, 0.1 * m**2, rtol=1e-5))
pcg = np.random.PCG64()
pcg.state = {"bit_generator": metadata["@rng.bit_generator"],
             "state": {"state": int(metadata["@rng.state"]), "inc": int(metadata["@rng.inc"])},
             "has_uint32": int(metadata["@rng.has_uint32"]), "uinteger": int(metadata["@rng.uinteger"])}
draws = np.random.Generator(pcg).integers(0, 2**32, 1000, dtype="u4").astype("f4")
ok("NumPy's generator goes on where ours was", np.array_equal(draws, np.load(folder + "draws.npy")))
loaded = np.load(folder + "loaded.npz")
ok("a checkpoint from elsewhere", all(np.array_equal(loaded[name], x) for name, x in net.items()))

try:
    from safetensors.numpy import load_file
    found = load_file(folder + "run.safetensors")
    ok("the safetensors module reads it", all(np.array_equal(found[name], x) for name, x in params.items()))
except ImportError:
    skip("the safetensors module reads it", "not installed")
try:
    import torch
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    metadata, tensors = read_safetensors(folder + "run.safetensors")
    model.load_state_dict({name: torch.from_numpy(tensors[name].T.copy()) for name in params})
    y = np.ones((2, 3), "f4") @ params["0.weight"] + params["0.bias"]
    theirs = model(torch.ones(2, 3)).detach().numpy()
    ok("PyTorch computes with the weights", np.allclose(theirs, y @ params["1.weight"] + params["1.bias"], atol=1e-5))
except ImportError:
    skip("PyTorch computes with the weights", "not installed")
print("1..%d" % count)
sys.exit(failures > 0)
