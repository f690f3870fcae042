#!/bin/sh
# What the larger examples reach on real images, Fashion-MNIST. Prints TAP.     sh tests/programs/test_models.sh BUILD-FOLDER
set -u
train=$(cd "$1" && pwd)/tools/train
. "$(dirname "$0")/../support/tap.sh"
data=/usr/share/datasets/fashion-mnist
if [ -r $data/train-images-idx3-ubyte.gz ]; then
    ok "lenet: 90% within 5 epochs" "$train/lenet" --data $data --epochs 5 --floor 90 --out "$tmp/lenet"
    ok "autoencoder: two numbers say what an image is, but for a mean square of 0.035" \
        "$train/autoencoder" --data $data --error 0.035 --out "$tmp/codes"
else
    skip "lenet and autoencoder on real images" "no Fashion-MNIST: apt-get install dataset-fashion-mnist"
fi
done_testing
