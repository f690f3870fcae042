"""System 000, ScratchNet, in NumPy and by the tape, on the same bytes of CIFAR-10 from the same seed: they differ by rounding alone.

The network as it was published: 3072-256-128-10, columns are samples, He's weights, ReLU, softmax of the shifted logits, loss
-mean(sum y log(a + 1e-8)), gradients by hand, SGD at 0.01, batches of 128 in a new order each epoch, the last one short. NumPy's
generator is the tape's, so weights and order are drawn on both sides.       numpy_scratchnet.py CIFAR10-PROGRAM [STEPS]. Prints TAP."""
import csv
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("1..0 # SKIP no NumPy")
    sys.exit(0)

SIZES, BATCH, RATE, SEED = (3072, 256, 128, 10), 128, 0.01, 3
LOSS_BAR, WEIGHT_BAR, GUARD_BAR = 1e-12, 1e-11, 1e-5  # relative; the last: what the guard of the logarithm may move
IMAGES_BAR = 1  # predictions that rounding may turn


def find_data():
    for base in (os.environ.get("RETROGRAD_DATA"), os.path.expanduser("~/.cache/retrograd")):
        if base and os.path.exists(f"{base}/cifar-10-batches-bin/test_batch.bin"):
            return f"{base}/cifar-10-batches-bin"
    print("1..0 # SKIP no CIFAR-10: sh tools/get-data cifar10, or RETROGRAD_DATA")
    sys.exit(0)


def read(data, files):
    raw = np.concatenate([np.fromfile(f"{data}/{name}.bin", np.uint8) for name in files]).reshape(-1, 3073)
    return raw[:, 1:], raw[:, 0]  # [n, 3072], [n]


def softmax(z):
    e = np.exp(z - z.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def forward(w, b, x):
    a = [x]  # [features, batch]
    for i in range(3):
        z = w[i] @ a[i] + b[i]
        a.append(np.maximum(0, z) if i < 2 else softmax(z))
    return a


def train(images, labels, steps, evaluate):
    """The published program. Returns for each epoch the mean losses, without and with the guard, and what evaluate gives; w; b."""
    rng = np.random.default_rng(SEED)
    w = [rng.normal(0, np.sqrt(2 / n), (n, m)).T for n, m in zip(SIZES, SIZES[1:])]  # [out, in]
    b = [np.zeros((m, 1)) for m in SIZES[1:]]
    rows, step = [], 0
    while step < steps:
        order, plain, guarded = rng.permutation(len(images)), [], []
        for start in range(0, len(images), BATCH):
            if step == steps:
                break
            pick = order[start:start + BATCH]
            y = np.eye(10)[labels[pick]].T  # [10, batch]
            a = forward(w, b, images[pick].T / 255.0)
            plain.append(-np.mean(np.log((y * a[3]).sum(axis=0))))
            guarded.append(-np.mean(np.sum(y * np.log(a[3] + 1e-8), axis=0)))
            delta = a[3] - y
            for i in (2, 1, 0):
                dw, db = delta @ a[i].T / len(pick), delta.mean(axis=1, keepdims=True)
                if i:
                    delta = (w[i].T @ delta) * (a[i] > 0)
                w[i], b[i] = w[i] - RATE * dw, b[i] - RATE * db
            step += 1
        rows.append((np.mean(plain), np.mean(guarded), evaluate(w, b)))
    return rows, w, b


def by_tape(program, data, steps, folder):
    """The same from the example program: rows of its history; its weights, from the state it saves."""
    subprocess.run([program, "--data", data, "--dtype", "f64", "--seed", str(SEED), "--steps", str(steps), "--floor", "0",
                    "--csv", f"{folder}/h.csv", "--save", f"{folder}/state"], check=True, stdout=subprocess.DEVNULL)
    with open(f"{folder}/h.csv", newline="") as file:
        rows = [(float(row["loss"]), float(row["test_accuracy"])) for row in csv.DictReader(file)]
    raw = open(f"{folder}/state", "rb").read()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + size])
    arrays = {}
    for name, entry in header.items():
        if name[0] not in "_@":
            first, last = entry["data_offsets"]
            arrays[name] = np.frombuffer(raw[8 + size + first:8 + size + last], np.float64).reshape(entry["shape"])
    return rows, arrays


count = 0


def ok(holds, text):
    global count
    count += 1
    print(f"{'ok' if holds else 'not ok'} {count} - {text}")


def apart(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def main():
    program, steps = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 400
    data = find_data()
    images, labels = read(data, [f"data_batch_{i}" for i in range(1, 6)])
    test, answers = read(data, ["test_batch"])
    right = lambda w, b: np.mean(forward(w, b, test.T / 255.0)[3].argmax(axis=0) == answers)
    with tempfile.TemporaryDirectory() as folder:
        theirs, arrays = by_tape(program, data, steps, folder)
    ours, w, b = train(images, labels, steps, right)
    ok(len(ours) == len(theirs), f"{len(theirs)} epochs on both sides")
    for k, ((plain, guarded, accuracy), (loss, share)) in enumerate(zip(ours, theirs), 1):
        ok(abs(loss - plain) <= LOSS_BAR * plain, f"epoch {k}: loss {loss:.15f} by tape, {plain:.15f} by NumPy")
        ok(abs(loss - guarded) <= GUARD_BAR * plain, f"epoch {k}: {guarded:.10f} with the guard in the logarithm")
        ok(abs(share - accuracy) * len(test) <= IMAGES_BAR + 0.5,
           f"epoch {k}: {100 * share:.2f}% and {100 * accuracy:.2f}% of the test set")
    for i in range(3):
        far = apart(arrays[f"{2 * i}.weight"].T, w[i]), apart(arrays[f"{2 * i}.bias"], b[i].ravel())
        ok(max(far) <= WEIGHT_BAR, f"layer {i + 1} after {steps} steps: weights {far[0]:.1e} apart, biases {far[1]:.1e}")
    print(f"1..{count}")


main()
