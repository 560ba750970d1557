"""One protocol for all: the runs hold what was done, the tables say what the runs hold, and a stop loses nothing."""

import json
import re
import statistics

import pytest
import torch
from safetensors.torch import load_file
from filelock import FileLock

from sslkit import __main__ as cli
from sslkit import compare, data, evaluate, recipes, train, weights
from sslkit.networks import ConvNet, ResNet18, ViT

METHODS = ("rotation", "mae")


@pytest.fixture(scope="module")
def parts():
    return data.Splits(*(data.scenes(number, 32, split=split) for number, split in ((60, "train"), (30, "validation"), (30, "test"))))


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Networks of a few channels, and a few steps of training with labels."""
    monkeypatch.setattr(recipes, "encoder", lambda tier, name="scenes", half=False: ConvNet(4))
    monkeypatch.setattr(recipes, "vit", lambda tier, name="scenes": ViT(32, 4, 16, 2, 2))
    monkeypatch.setattr(recipes, "from_scratch", lambda tier, name="scenes": {"batch_size": 10, "lr": 1e-3, "steps": 2})
    return tmp_path


def ran(parts, folder, **settings):
    settings = {"methods": METHODS, "images": 64, "budgets": (1, 2), "draws": 2, "say": lambda *words, **how: None, **settings}
    return compare.compare(parts, "scenes", "cpu", folder=folder / "compare-scenes-cpu", checkpoints=folder / "runs", **settings)


def contents(folder):
    return {path.name: path.read_text() for path in (folder / "compare-scenes-cpu").glob("*.json")}


def without_times(text):
    return re.sub(r'"(seconds|pretraining|embedding|probes|fine-tuning)": [\d.]+', "", text)


def test_every_arm_has_every_measurement_on_the_same_labels(parts, tiny):
    runs = ran(parts, tiny)
    assert [run["arm"] for run in runs] == ["rotation", "mae", "random encoder", "raw pixels", "from scratch", "random ViT", "ViT from scratch"]
    for run in runs:
        blocks = 0 if "scratch" in run["arm"] else {"raw pixels": 1, "mae": 2, "random ViT": 2}.get(run["arm"], 4)
        tuned = run["arm"] in ("rotation", "mae") or "scratch" in run["arm"]
        assert len(run["records"]) == 2 * 2 * (2 * blocks + tuned)
        assert {(record["budget"], record["seed"]) for record in run["records"]} == {(1, 0), (1, 1), (2, 0), (2, 1)}
        assert ("factors" in run) == ("all labels" in run or run["arm"] == "raw pixels") == ("scratch" not in run["arm"])
        assert run["machine"]["torch"] == torch.__version__
    rotation = runs[0]
    assert rotation["about"]["images"] == 64 and rotation["about"]["settings"] == {"steps": 2, "batch_size": 32, "lr": 2e-3}
    assert rotation["pretraining"]["step"] == 2 and 0 <= rotation["pretraining"]["validation"]["accuracy"] <= 1


def test_a_record_is_what_probing_by_hand_gives(parts, tiny):
    run = ran(parts, tiny, methods=("rotation",), fine_tuning=False)[0]
    folder = tiny / "compare-scenes-cpu"
    encoder = ConvNet(4)
    encoder.load_state_dict({name: value.float() for name, value in load_file(folder / run["weights"]["file"]).items()})
    labels = data.labelled_subset(parts.train.labels, 2, seed=1)
    features = [evaluate.embed(evaluate.Layer(encoder, 3, 2), part) for part in parts]
    probe = evaluate.linear_probe(features[0][labels], parts.train.labels[labels], features[1], parts.validation.labels)
    record, = (r for r in run["records"] if (r["budget"], r["seed"], r["probe"], r.get("layer")) == (2, 1, "linear", 3))
    assert record["accuracy"] == pytest.approx(evaluate.accuracy(probe.predict(features[2]), parts.test.labels))
    pooled = [evaluate.embed(encoder, part) for part in parts]
    assert run["all labels"]["kNN"] == pytest.approx(evaluate.accuracy(evaluate.knn(pooled[0], parts.train.labels, pooled[2]), parts.test.labels), abs=0.04)


def test_stopped_anywhere_it_goes_on_to_the_same_numbers(parts, tiny, monkeypatch):
    whole = ran(parts, tiny / "whole")
    stops, probed, tuned, trained = [], evaluate.label_curve, evaluate.fine_tune, compare.train

    def stopping(function):
        def wrapped(*arguments, **settings):
            result = function(*arguments, **settings)
            if len(stops) % 3 == 0 and len(stops) < 12:
                stops.append("stop")
                raise KeyboardInterrupt
            stops.append("go")
            return result
        return wrapped

    for module, name, function in ((evaluate, "label_curve", probed), (evaluate, "fine_tune", tuned), (compare, "train", trained)):
        monkeypatch.setattr(module, name, stopping(function))
    for _ in range(20):
        try:
            pieces = ran(parts, tiny / "pieces")
            break
        except KeyboardInterrupt:
            pass
    assert stops.count("stop") >= 4
    key = lambda record: (record["arm"], record["budget"], record["seed"], record.get("probe", ""), record.get("layer", 0))
    for one, other in zip(whole, pieces):
        assert sorted(one["records"], key=key) == sorted(other["records"], key=key)
        assert one.get("factors") == other.get("factors") and one.get("weights") == other.get("weights")


def test_what_is_done_is_not_done_again_and_more_can_be_asked_for(parts, tiny, monkeypatch):
    ran(parts, tiny)
    before = contents(tiny)
    monkeypatch.setattr(compare, "train", lambda *arguments, **settings: pytest.fail("trained again"))
    monkeypatch.setattr(evaluate, "fine_tune", lambda *arguments, **settings: pytest.fail("fine-tuned again"))
    ran(parts, tiny)
    assert contents(tiny) == before
    monkeypatch.undo()
    monkeypatch.setattr(recipes, "encoder", lambda tier, name="scenes", half=False: ConvNet(4))
    runs = ran(parts, tiny, methods=("rotation",), budgets=(1, 3), draws=2, fine_tuning=False)
    kept = next(run for run in runs if run["arm"] == "rotation")["records"]
    assert kept[:len(json.loads(before["rotation-0.json"])["records"])] == json.loads(before["rotation-0.json"])["records"]
    assert {record["budget"] for record in kept} == {1, 2, 3}


def test_a_stop_inside_training_keeps_its_steps_and_records_nothing(parts, tiny, monkeypatch):
    real = compare.train
    monkeypatch.setattr(compare, "train", lambda *arguments, **settings: [{"step": 1, "seconds": 0.1}])
    with pytest.raises(KeyboardInterrupt, match="rotation stopped after step 1 of 2"):
        ran(parts, tiny)
    assert contents(tiny) == {}
    monkeypatch.setattr(compare, "train", real)
    monkeypatch.setattr(evaluate, "train", lambda *arguments, **settings: [{"step": 1, "seconds": 0.1}])
    with pytest.raises(KeyboardInterrupt):
        ran(parts, tiny)
    assert not any("fine-tuned" in text for text in contents(tiny).values())


def test_two_processes_share_the_runs(parts, tiny):
    (tiny / "runs").mkdir()
    with FileLock(tiny / "runs" / "compare-scenes-cpu-rotation-0.lock"):             # as another process would hold it
        runs = ran(parts, tiny)
    assert [run["arm"] for run in runs][:2] == ["mae", "random encoder"]
    assert "rotation" in [run["arm"] for run in ran(parts, tiny)]


def test_other_settings_in_the_same_folder_are_refused(parts, tiny):
    ran(parts, tiny, methods=("rotation",), fine_tuning=False)
    with pytest.raises(ValueError, match=r"rotation-0.json holds another run: images was 64, now 96. Give this comparison"):
        ran(parts, tiny, methods=("rotation",), images=96)
    (tiny / "compare-scenes-cpu" / "rotation-0.safetensors").unlink()
    assert [run["arm"] for run in ran(parts, tiny, methods=("rotation",), fine_tuning=False)][0] == "rotation"       # nothing is left to do
    told, before = [], json.loads(contents(tiny)["rotation-0.json"])["records"]
    runs = ran(parts, tiny, methods=("rotation",), budgets=(3,), say=lambda words, **how: told.append(words))
    assert runs[0]["records"] == before and any(record["budget"] == 3 for record in runs[1]["records"])      # the others go on
    assert re.search("rotation 0: .*rotation-0.safetensors is not here, so nothing is added to this run; put it back, or delete .*rotation-0.json", told[0])
    with pytest.raises(ValueError, match="no method 'simsiam': want some of rotation"):
        ran(parts, tiny, methods=("simsiam",))
    with pytest.raises(FileNotFoundError, match="no runs in .*nowhere"):
        compare.stored(tiny / "nowhere")


def test_pretrainings_differ_and_are_told_apart(parts, tiny):
    runs = [run for run in ran(parts, tiny, methods=("rotation",), pretrainings=2, fine_tuning=False) if run["arm"] == "rotation"]
    assert [run["about"]["pretraining"] for run in runs] == [0, 1] and runs[0]["weights"]["sha256"] != runs[1]["weights"]["sha256"]
    assert {record["pretraining"] for record in runs[1]["records"]} == {1}
    assert len(evaluate.summarise(compare.records(runs))) == 1


def test_tables_say_what_the_runs_hold(parts, tiny):
    runs = ran(parts, tiny)
    told = compare.table(runs)
    best = []
    for draw in range(2):                                          # by hand: the block that validation likes best
        mine = [r for r in runs[0]["records"] if (r.get("probe"), r["budget"], r["seed"]) == ("linear", 2, draw)]
        best.append(max(mine, key=lambda record: record["validation"])["accuracy"])
    row = next(line for line in told.splitlines() if line.startswith("rotation  "))
    assert row.split()[4:7] == [f"{100 * statistics.mean(best):.1f}", "±", f"{100 * statistics.stdev(best):.1f}"] and row.split()[7] == "64"
    assert sum(line.split("  ")[0] in {run["arm"] for run in runs} | {"rotation, fine-tuned", "mae, fine-tuned"} for line in told.splitlines()) == 9
    layer = [r["accuracy"] for r in runs[0]["records"] if (r.get("probe"), r["budget"], r.get("layer")) == ("kNN", 2, 3)]
    blocks = next(line for line in compare.blocks(runs, 2).splitlines() if line.startswith("rotation "))
    assert blocks.split()[1:][6] == f"{100 * statistics.mean(layer):.1f}"
    assert blocks.split()[-1] == f"{100 * runs[0]['pretraining']['validation']['accuracy']:.1f}"


def test_its_encoders_are_listed_and_load_where_the_list_lies(parts, tiny, monkeypatch):
    ran(parts, tiny, methods=("rotation", "colorization", "split_brain", "mae"), fine_tuning=False)
    listed = json.loads((tiny / "pretrained.json").read_text())
    assert list(listed) == ["rotation-scenes-cpu", "colorization-scenes-cpu", "split_brain-scenes-cpu", "mae-scenes-cpu"]
    assert listed["rotation-scenes-cpu"]["accuracy"]["labels a class"] == 2 and listed["rotation-scenes-cpu"]["recipe"]["images"] == 64
    monkeypatch.setattr(evaluate, "results_folder", lambda: tiny)
    monkeypatch.setattr(weights, "results_folder", lambda: tiny)
    for name in listed:
        encoder = weights.pretrained(name)
        assert not encoder.training and encoder(parts.test.images[:2] / 255).shape == (2, encoder.dim)


@pytest.mark.parametrize("method", recipes.RECIPES)
def test_the_gpu_tier_runs_whole_where_there_is_no_gpu(method, parts, tmp_path, monkeypatch):
    """Its networks, its batches, its probes: on four pictures, so that a CPU can bear it."""
    monkeypatch.setattr(recipes, "vit", lambda tier, name="scenes": ViT(32, 4, 192, 2, 3))
    few = data.Splits(*(part[:10] for part in parts))
    runs = compare.compare(few, "scenes", "gpu", methods=(method,), images=4, budgets=(1,), draws=1, fine_tuning=False, device="cpu",
                           folder=tmp_path / "compare-scenes-gpu", checkpoints=tmp_path / "runs", say=lambda *words, **how: None)
    run = runs[0]
    assert run["about"]["settings"]["batch_size"] == 4 and run["about"]["settings"]["steps"] == 1 and run["records"]
    if method == "rotation":
        assert run["about"]["parameters"] == sum(value.numel() for value in ResNet18().parameters())
        assert run["weights"]["folder"] == "runs" and not (tmp_path / "compare-scenes-gpu" / "rotation-0.safetensors").exists()     # 22 MB: too heavy


def test_the_command_prints_the_table_and_names_its_files(parts, tiny, monkeypatch, capsys):
    monkeypatch.setattr(recipes, "splits", lambda name, tier, size=32: parts)
    monkeypatch.chdir(tiny)
    words = ["compare", "--methods", "rotation", "--images", "32", "--budgets", "1", "2", "--seeds", "2", "--tier", "cpu", "--no-fine-tuning"]
    cli.main(words)
    told = capsys.readouterr().out
    assert "rotation" in told and "raw pixels" in told and "images" in told
    assert (tiny / "bench/results/compare-scenes-cpu/rotation-0.json").exists() and (tiny / "runs/compare-scenes-cpu-cost.png").exists()
    cli.main(words)                                                # everything is there: only the table again
    assert capsys.readouterr().out.split("accuracy on the test split")[1] == told.split("accuracy on the test split")[1]


@pytest.mark.parametrize("method", recipes.RECIPES)
def test_every_task_can_be_compiled(method, parts, tiny, monkeypatch):
    """As the GPU tier does; here without the code generator, which takes minutes on a CPU: the graph is what could break."""
    compiled, losses = torch.compile, []
    monkeypatch.setattr(torch, "compile", lambda task: compiled(task, backend="aot_eager"))
    for asked in (False, True):
        torch.manual_seed(0)
        torch._dynamo.reset()
        recipe = recipes.of_length(recipes.RECIPES[method]("cpu", "scenes"), 2)
        losses.append(train(recipe.task, parts.train.images, steps=2, batch_size=16, amp=False, compile=asked, progress=False, device="cpu")[-1]["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
