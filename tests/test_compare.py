"""Tables of the comparison at equal numbers of images say what its stored runs hold."""

import statistics

import pytest
<<<<<<< HEAD
=======
import torch
from safetensors.torch import load_file
from filelock import FileLock
>>>>>>> 5292993fa76439427c50156b7d6784eb14469bc2

from sslkit import compare


@pytest.fixture(scope="module")
def runs():
    return compare.stored("compare-cifar10-cpu")


<<<<<<< HEAD
def test_the_table_takes_the_block_that_validation_likes_best(runs):
    rotation = next(run for run in runs if run["arm"] == "rotation")
=======
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
>>>>>>> 5292993fa76439427c50156b7d6784eb14469bc2
    best = []
    for draw in range(3):                                          # by hand
        mine = [r for r in rotation["records"] if (r.get("probe"), r["budget"], r["seed"]) == ("linear", 20, draw)]
        best.append(max(mine, key=lambda record: record["validation"])["accuracy"])
    heading, *rows = compare.table(runs).splitlines()
    assert heading.split()[3:8] == ["1", "5", "20", "100", "400"]
    row = next(line for line in rows if line.startswith("rotation  ")).split()
    assert row[7:10] == [f"{100 * statistics.mean(best):.1f}", "±", f"{100 * statistics.stdev(best):.1f}"]
    assert row[-4:] == ["102,400", "3,200", "66.7", f"{rotation['seconds']['pretraining'] / 60:.1f}"]
    assert {line.split("  ")[0] for line in rows} >= {run["arm"] for run in runs} | {"rotation, fine-tuned", "mae, fine-tuned"}


def test_blocks_stand_side_by_side_and_minutes_add_up(runs):
    rotation = next(run for run in runs if run["arm"] == "rotation")
    layer = [r["accuracy"] for r in rotation["records"] if (r.get("probe"), r["budget"], r.get("layer")) == ("kNN", 100, 3)]
    row = next(line for line in compare.blocks(runs, 100).splitlines() if line.startswith("rotation ")).split()
    assert row[1:][6] == f"{100 * statistics.mean(layer):.1f}"
    assert row[-1] == f"{100 * rotation['pretraining']['validation']['accuracy']:.1f}"
    spent = sum(sum(run["seconds"].get(part, 0) for part in ("pretraining", "embedding", "probes", "fine-tuning")) for run in runs) / 60
    assert compare.times(runs).splitlines()[-1].split()[-1] == f"{spent:.1f}"


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no runs in .*nowhere: .* with the kit come compare-cifar10-cpu"):
        compare.stored(tmp_path / "nowhere")
