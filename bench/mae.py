"""MAE: what hiding patches saves, and a whole training step against lightly's blocks and a model shaped like the original repository's.

    python -m bench.mae                # about five minutes on two quiet cores; writes bench/results/mae.json

The encoder is ViT-T for small pictures (32 pixels, patches of 4, width 192, 12 blocks, 3 heads), the decoder the same for all
(width 96, one block), the mask ratio 0.75, the batch 64; contestants take turns, and a ratio is the median over rounds.

sslkit              `train` as anyone calls it: bfloat16 where the hardware has it
sslkit, float32     `train` with amp=False
lightly             MaskedVisionTransformerTIMM and MAEDecoderTIMM, put together as in its documentation, AdamW, float32
original            timm's blocks, a class token, shuffling and unshuffling, as in the repository of He et al. 2022, AdamW, float32
"""

import json
import statistics
from functools import partial
from pathlib import Path

import torch
from lightly.models import utils
from lightly.models.modules import MAEDecoderTIMM, MaskedVisionTransformerTIMM
from timm.models.vision_transformer import Block, PatchEmbed, VisionTransformer
from torch import nn

from sslkit import train
from sslkit.checkpoint import write_whole
from sslkit.networks import ViT, sine_positions
from sslkit.tasks import MAE
from sslkit.tasks.masks import hide, random
from sslkit.train import has_bfloat16

from .losses import about, taking_turns, times_faster

SIZE, PATCH, DIM, DEPTH, HEADS, DECODER, RATIO, BATCH, STEPS, ROUNDS = 32, 4, 192, 12, 3, 96, 0.75, 64, 4, 5
GRID = SIZE // PATCH
RESULTS = Path(__file__).parent / "results" / "mae.json"


class Lightly(nn.Module):
    """lightly's building blocks, as in its own example of MAE."""

    def __init__(self):
        super().__init__()
        vit = VisionTransformer(img_size=SIZE, patch_size=PATCH, embed_dim=DIM, depth=DEPTH, num_heads=HEADS, num_classes=0)
        self.backbone = MaskedVisionTransformerTIMM(vit=vit)
        self.decoder = MAEDecoderTIMM(num_patches=GRID ** 2, patch_size=PATCH, embed_dim=DIM, decoder_embed_dim=DECODER,
                                      decoder_depth=1, decoder_num_heads=HEADS)

    def forward(self, images):
        number, length = len(images), self.backbone.sequence_length
        kept, masked = utils.random_token_mask(size=(number, length), mask_ratio=RATIO, device=images.device)
        encoded = self.decoder.embed(self.backbone.encode(images=images, idx_keep=kept))
        whole = utils.repeat_token(self.decoder.mask_token, (number, length))
        whole = utils.set_at_index(whole, kept, encoded.type_as(whole))
        told = self.decoder.predict(utils.get_at_index(self.decoder.decode(whole), masked))
        return nn.functional.mse_loss(told, utils.get_at_index(utils.patchify(images, PATCH), masked - 1))


class Original(nn.Module):
    """The shape of the original: embed all patches, keep some by shuffling, unshuffle for the decoder, tell all, mark the hidden."""

    def __init__(self):
        super().__init__()
        self.embed, self.class_token = PatchEmbed(SIZE, PATCH, 3, DIM), nn.Parameter(0.02 * torch.randn(1, 1, DIM))
        self.blocks = nn.Sequential(*(Block(DIM, HEADS, 4, qkv_bias=True) for _ in range(DEPTH)), nn.LayerNorm(DIM))
        self.narrow, self.mask_token = nn.Linear(DIM, DECODER), nn.Parameter(0.02 * torch.randn(1, 1, DECODER))
        self.decoder = nn.Sequential(Block(DECODER, HEADS, 4, qkv_bias=True), nn.LayerNorm(DECODER))
        self.to_pixels = nn.Linear(DECODER, 3 * PATCH ** 2)
        for name, width in (("positions", DIM), ("decoder_positions", DECODER)):
            self.register_buffer(name, torch.cat([torch.zeros(1, width), sine_positions(GRID, width)])[None])

    def forward(self, images):
        x = self.embed(images) + self.positions[:, 1:]
        order = torch.rand(x.shape[:2]).argsort(1)
        restore, keep = order.argsort(1), round((1 - RATIO) * GRID ** 2)
        x = x.gather(1, order[:, :keep, None].expand(-1, -1, DIM))
        x = self.narrow(self.blocks(torch.cat([self.class_token.expand(len(x), -1, -1), x], 1)))
        filled = torch.cat([x[:, 1:], self.mask_token.expand(len(x), GRID ** 2 - keep, -1)], 1)
        filled = filled.gather(1, restore[:, :, None].expand(-1, -1, DECODER))
        told = self.to_pixels(self.decoder(torch.cat([x[:, :1], filled], 1) + self.decoder_positions))[:, 1:]
        error = (told - utils.patchify(images, PATCH)).square().mean(2)
        hidden = torch.ones_like(error).scatter(1, order[:, :keep], 0)
        return (error * hidden).sum() / hidden.sum()


def loop(network, images):
    """→ a function that trains the network for STEPS batches, in the plain way."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.05)

    def epoch():
        for batch in images.split(BATCH):
            loss = network(batch.float() / 255)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return epoch


def encoder_times(encoder):
    """One row for each share that is hidden: seconds of a forward and backward pass of the encoder for a batch, as in training."""
    patches = torch.rand(BATCH, GRID ** 2, 3 * PATCH ** 2)

    def run(ratio):
        visible = torch.arange(GRID ** 2).expand(BATCH, -1) if ratio == 0 else hide(random(BATCH, GRID), ratio)[0]
        seen = patches.gather(1, visible[:, :, None].expand(-1, -1, patches.shape[2]))
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16(torch.device("cpu"))):
            encoded = encoder.encode(seen, visible)
        encoded.float().square().mean().backward()

    times = taking_turns({str(ratio): partial(run, ratio) for ratio in (0, 0.5, 0.75, 0.9)}, ROUNDS)
    return [{"hidden": float(name), "patches seen": GRID ** 2 - round(float(name) * GRID ** 2), "seconds": statistics.median(seconds),
             "share of the time of all patches": statistics.median(one / all for one, all in zip(seconds, times["0"]))}
            for name, seconds in times.items()]


def main():
    torch.manual_seed(0)
    images = torch.randint(256, (STEPS * BATCH, 3, SIZE, SIZE), dtype=torch.uint8)
    make = lambda: MAE(ViT(SIZE, PATCH, DIM, DEPTH, HEADS), RATIO, dim=DECODER, depth=1)
    ours = partial(train, data=images, steps=STEPS, batch_size=BATCH, device="cpu", progress=False)
    runs = {"sslkit": partial(ours, make()), "sslkit, float32": partial(ours, make(), amp=False),
            "lightly": loop(Lightly(), images), "original": loop(Original(), images)}
    for run in runs.values():                                      # the first pass of each makes what later ones reuse
        run()
    times = taking_turns(runs, ROUNDS)
    rows = {name: {"images_per_second": STEPS * BATCH / statistics.median(seconds), "sslkit_times_faster": times_faster(times, name)}
            for name, seconds in times.items()}
    encoder = encoder_times(ViT(SIZE, PATCH, DIM, DEPTH, HEADS))
    content = {"command": "python -m bench.mae", "machine": about("torch", "lightly", "timm", "sslkit"), "batch": BATCH, "rounds": ROUNDS,
               "rows": rows, "encoder": encoder}
    write_whole(RESULTS, (json.dumps(content, indent=1) + "\n").encode())
    print(f"{'an MAE step':<20}{'images/s':>12}{'sslkit is … times as fast':>28}")
    for name, row in rows.items():
        print(f"{name:<20}{row['images_per_second']:>12.0f}{row['sslkit_times_faster']:>28.1f}")
    for row in encoder:
        print(f"{row['hidden']:.0%} hidden: {1000 * row['seconds']:.0f} ms, {row['share of the time of all patches']:.2f} of the time of all")


if __name__ == "__main__":
    main()
