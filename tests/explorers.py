"""Every explorer of the kit, made of small random networks on any data set: {name: maker}."""

from dataclasses import replace

import torch
from torch.nn import functional as F

from sslkit import data, widgets
from sslkit.data import text
from sslkit.networks import GPT, ConvNet, Palette, PixelCNN, TextTransformer, ViT, WaveNet
from sslkit.tasks import (
    MAE,
    Autoregressive,
    Colorization,
    Inpainting,
    Jigsaw,
    MaskedLM,
    RelativePatch,
    Rotation,
    SimCLR,
)

ENGLISH = "The value of a name is looked up in the scope that binds it. " * 20


def runs(names):
    """As `compare.stored` reads them: two methods and a baseline, by whatever names."""

    def run(arm, method, base):
        records = [
            {
                "arm": f"{arm}{tuned}",
                "budget": budget,
                "seed": seed,
                "pretraining": 0,
                "validation": 0.5,
                "accuracy": base + budget / 100 + seed / 50,
                **({"probe": probe, "layer": layer} if method and not tuned else {}),
            }
            for budget in (1, 5, 20)
            for seed in (0, 1)
            for tuned in ("", ", fine-tuned")[: 1 + bool(method)]
            for probe in ("linear", "kNN")
            for layer in (1, 2)
        ]
        return {
            "arm": arm,
            "about": {"method": method, "pretraining": 0, "images": 64_000},
            "seconds": {"pretraining": 90.0 * bool(method)},
            "records": records,
        }

    return [
        run(names[0], names[0], 0.3),
        run(names[1], names[1], 0.4),
        run("from scratch", None, 0.2),
    ]


def records(names):
    return [
        {
            "arm": arm,
            "budget": budget,
            "seed": seed,
            "accuracy": 0.1 * (number + 1) + budget / 100,
            "validation": 0.5,
            "probe": probe,
            "layer": layer,
        }
        for number, arm in enumerate((*names[:2], "from scratch"))
        for budget in (1, 5, 20)
        for seed in (0, 1)
        for probe in ("linear", names[2])
        for layer in (1, 2)
    ]


def arguments(images=None, names=("rotation", "simclr", "kNN")):
    """{explorer: (maker, {argument: value})} on a Dataset, with these names of methods and data."""
    torch.manual_seed(0)
    images = data.scenes(12, 32) if images is None else images
    both = {names[0]: images, names[1]: images}
    tiny = replace(images, images=data.shrunk(images.images, 4))
    letters, pairs = text.characters(ENGLISH), text.byte_pairs(ENGLISH, 300)
    generator = torch.Generator().manual_seed(0)
    spread = F.one_hot(torch.arange(len(images)) % 3, 6) + torch.randn(
        len(images), 6, generator=generator
    )
    healthy, watched = (
        torch.rand(2, 400, generator=generator),
        torch.rand(2, 600, generator=generator),
    )
    watched[0, 100:140] += 2
    task, small = SimCLR(ConvNet(8)), {"number": 6}
    return {
        "augmentation": (
            widgets.AugmentationExplorer,
            {"pictures": both, "encoder": task.encoder, "draws": 4, **small},
        ),
        "colorization": (
            widgets.ColorizationExplorer,
            {
                "tasks": {name: Colorization(ConvNet(8)) for name in names[:2]},
                "pictures": both,
                **small,
            },
        ),
        "comparison": (
            widgets.ComparisonExplorer,
            {"tables": {names[0]: runs(names), names[1]: runs(names)}},
        ),
        "maps": (
            widgets.EmbeddingComparison,
            {
                "features": {names[0]: spread, names[1]: -spread},
                "dataset": images,
                "methods": ["PCA"],
            },
        ),
        "embedding": (
            widgets.EmbeddingExplorer,
            {
                "snapshots": {names[0]: spread, names[1]: -spread},
                "dataset": images,
                "methods": ["PCA"],
            },
        ),
        "faults": (
            widgets.FaultExplorer,
            {
                "arms": {name: (healthy, watched) for name in names[:2]},
                "faults": [(names[0], 100, 140)],
            },
        ),
        "inpainting": (
            widgets.InpaintingExplorer,
            {"task": Inpainting(ConvNet(8)), "pictures": both, **small},
        ),
        "jigsaw": (
            widgets.JigsawExplorer,
            {"task": Jigsaw(ConvNet(8), 2), "pictures": both, **small},
        ),
        "curve": (widgets.LabelCurveExplorer, {"records": records(names)}),
        "losses": (widgets.LossExplorer, {"points": 4}),
        "temperature": (widgets.TemperatureExplorer, {"task": task, "dataset": images, **small}),
        "masks": (
            widgets.MaskExplorer,
            {"task": MAE(ViT(32, 8, dim=12, depth=1, heads=1), dim=8), "pictures": both, **small},
        ),
        "sentence": (
            widgets.MaskedTextExplorer,
            {
                "task": MaskedLM(
                    TextTransformer(len(pairs), 200, dim=8, depth=1, heads=1),
                    pairs.mask,
                    pairs.special,
                ),
                "tokenizer": pairs,
                "sentence": f"The [value] of {names[0]}"[:70],
            },
        ),
        "text": (
            widgets.AutoregressiveExplorer.of_text,
            {
                "task": Autoregressive(GPT(len(letters), 16, dim=8, depth=1, heads=1)),
                "tokenizer": letters,
                "start": "The ",
            },
        ),
        "pixels": (
            widgets.AutoregressiveExplorer.of_pictures,
            {
                "task": Autoregressive(PixelCNN(5, dim=8, depth=1)),
                "palette": Palette(torch.rand(5, 3, generator=generator)),
                "pictures": tiny,
            },
        ),
        "sound": (
            widgets.AutoregressiveExplorer.of_sound,
            {
                "task": Autoregressive(WaveNet(32, dim=6, dilations=(1, 2), conditions=3)),
                "vowels": names,
                "samples": 70,
                "levels": 32,
            },
        ),
        "places": (
            widgets.PatchPositionExplorer,
            {"task": RelativePatch(ConvNet(8), patch=10), "pictures": both, **small},
        ),
        "rotation": (
            widgets.RotationExplorer,
            {"task": Rotation(ConvNet(8)), "dataset": images, **small},
        ),
        "scene": (widgets.SceneExplorer, {"size": 48, "small": 24}),
    }
