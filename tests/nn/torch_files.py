#!/usr/bin/python3
"""A net trained by PyTorch is loaded here, trained here and loaded there, and gives the same logits each time. Prints TAP.

    /usr/bin/python3 tests/nn/torch_files.py build/tests/torch_files"""
import json
import struct
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
    from torch import nn
except ImportError as e:
    print("1..0 # SKIP", e)
    sys.exit(0)

BAR = 1e-6
DTYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64"}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
        self.emb = nn.Embedding(11, 8)
        block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(block, 2, norm=nn.LayerNorm(8))
        self.lstm = nn.LSTM(8, 6, num_layers=2, batch_first=True)
        self.fc = nn.Linear(10, 5)

    def forward(self, images, tokens):
        seen = torch.relu(self.bn(self.conv(images))).mean((-2, -1))
        read, _ = self.lstm(self.encoder(self.emb(tokens)))
        return self.fc(torch.cat((seen, read[:, -1]), 1))


def write(path, tensors):
    header, values = {}, b""
    for name, x in tensors.items():
        bits = (x.view(torch.int16) if x.dtype == torch.bfloat16 else x).contiguous().numpy().tobytes()
        header[name] = {"dtype": DTYPES[x.dtype], "shape": list(x.shape), "data_offsets": [len(values), len(values) + len(bits)]}
        values += bits
    text = json.dumps(header).encode()
    with open(path, "wb") as f: f.write(struct.pack("<Q", len(text)) + text + values)


def read(path):
    with open(path, "rb") as f: data = f.read()
    size, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    found = {}
    for name, t in header.items():
        begin, end = (8 + size + offset for offset in t["data_offsets"])
        assert t["dtype"] == "F32"
        found[name] = torch.from_numpy(np.frombuffer(data[begin:end], "<f4").reshape(t["shape"]).copy())
    return found


count = failures = 0


def ok(name, good):
    global count, failures
    count += 1
    failures += not good
    print("ok" if good else "not ok", count, "-", name, flush=True)


def same(name, ours, theirs):
    difference, size = float(np.abs(ours - theirs).max()), max(1.0, float(np.abs(theirs).max()))
    ok(f"{name}: {difference:.2g} apart", ours.shape == theirs.shape and difference <= BAR * size)


def logits(net, images, tokens):
    net.eval()
    with torch.no_grad(): return net(images, tokens).numpy()


torch.manual_seed(3)
images, tokens, labels = torch.randn(32, 1, 8, 8), torch.randint(11, (32, 7)), torch.randint(5, (32,))
net = Net()
adam = torch.optim.Adam(net.parameters(), lr=.01)
for step in range(20):
    adam.zero_grad()
    nn.functional.cross_entropy(net(images, tokens), labels).backward()
    adam.step()
halves = {name: x.half() if k % 2 else x.bfloat16() for k, (name, x) in enumerate(net.state_dict().items()) if x.is_floating_point()}

with tempfile.TemporaryDirectory() as folder:
    np.savez(folder + "/inputs.npz", images=images.numpy(), tokens=tokens.numpy(), labels=labels.numpy())
    write(folder + "/theirs.safetensors", net.state_dict())
    write(folder + "/half.safetensors", halves)
    done = subprocess.run([sys.argv[1], folder], capture_output=True, text=True)
    ok("a state_dict is loaded and one is saved", done.returncode == 0)
    for line in done.stderr.splitlines(): print("#", line)
    if done.returncode == 0:
        same("trained there, loaded here", np.load(folder + "/theirs.npy"), logits(net, images, tokens))
        rounded = Net()
        rounded.load_state_dict({name: x.float() for name, x in halves.items()})
        same("half floats loaded here", np.load(folder + "/half.npy"), logits(rounded, images, tokens))
        ours, found = Net(), read(folder + "/ours.safetensors")
        ok("the same names and shapes", {name: x.shape for name, x in found.items()}
           == {name: x.shape for name, x in net.state_dict().items() if not name.endswith("num_batches_tracked")})
        ours.load_state_dict(found, strict=True)
        same("trained here, loaded there", np.load(folder + "/ours.npy"), logits(ours, images, tokens))
        ok("training changed it", not np.allclose(np.load(folder + "/ours.npy"), np.load(folder + "/theirs.npy"), atol=1e-3))
print(f"1..{count}")
sys.exit(failures > 0)
