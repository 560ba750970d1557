"""One protocol for all: the runs hold what was done, the tables say what the runs hold, and a stop loses nothing."""

import json
import re
import shutil
import statistics

import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file

from sslkit import __main__ as cli
from sslkit import compare, data, evaluate, plots, protocol, recipes, study, train
from sslkit.compute import encoder_compute
from sslkit.networks import ConvNet, ResNet18, ViT

METHODS = ("rotation", "mae")
UNIT = 2e9                                                         # encoder FLOPs: a few updates of the tiny networks


@pytest.fixture(scope="module")
def parts():
    return data.Splits(*(data.scenes(number, 32, split=split) for number, split in ((60, "train"), (30, "validation"), (30, "test"))))


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Networks of a few channels."""
    monkeypatch.setattr(recipes, "encoder", lambda tier, name="scenes", half=False: ConvNet(8))
    monkeypatch.setattr(recipes, "vit", lambda tier, name="scenes": ViT(32, 4, 16, 2, 2))
    return tmp_path


def ran(parts, folder, **settings):
    settings = {"methods": METHODS, "compute": (1, 2), "pretrainings": 1, "unit": UNIT, "budgets": (1, 2), "fine_tuning": (2,),
                "count": lambda budget: 2, "shortest": 2, "longest": 4, "batch_size": 10, "say": lambda *words, **how: None, **settings}
    return study.study(parts, "scenes", "cpu", folder=folder / "study-scenes-cpu", checkpoints=folder / "runs", **settings)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A folder for what `finished` computes."""
    return tmp_path_factory.mktemp("finished")


@pytest.fixture
def finished(parts, tiny, once):
    """A copy of one whole study of METHODS, which the tests of the module share: `ran` goes on from it."""
    if not any(once.iterdir()):
        ran(parts, once)
    return shutil.copytree(once, tiny, dirs_exist_ok=True)


def contents(folder):
    return {path.name: path.read_text() for path in (folder / "study-scenes-cpu").glob("*.json")}


def test_every_method_and_baseline_has_every_measurement_on_the_same_labels(parts, finished):
    runs = ran(parts, finished)
    assert [(run["arm"], run["about"]["compute"]) for run in runs] == [
        ("rotation", 1), ("rotation", 2), ("mae", 1), ("mae", 2), ("random encoder", 0), ("raw pixels", 0), ("from scratch", 0),
        ("pseudo-labels", 0), ("supervised, all labels", 0), ("random ViT", 0), ("ViT from scratch", 0)]
    for run in runs:
        probes = [record for record in run["records"] if "probe" in record]
        tuned = [record for record in run["records"] if "probe" not in record]
        scratch = run["arm"] in (*study.SCRATCH, *study.LABELLED)
        assert len(probes) == (0 if scratch else 2 * 2 * 2 * 2)      # probe, rule, label budget, subset
        assert len(tuned) == (1 if "all labels" in run["arm"] else 2 if scratch or run["about"]["compute"] == 2 else 0)
        assert all(record["arm"] == run["arm"] + ", fine-tuned" * (not scratch) for record in tuned)
        assert ("factors" in run) != scratch and run["machine"]["torch"] == torch.__version__


def test_methods_get_equal_encoder_flops(parts, finished):
    runs = [run for run in ran(parts, finished, fine_tuning=()) if run["about"]["method"]]
    for run in runs:
        about = run["about"]
        recipe = recipes.RECIPES[about["method"]]("cpu", "scenes")
        cost = encoder_compute(recipe.task, parts.train.images[:about["settings"]["batch_size"]])
        assert about["cost"] == cost.of(about["settings"]["steps"])
        assert abs(about["cost"]["encoder FLOPs"] - UNIT * about["compute"]) <= max(cost.flops / 2, cost.flops - UNIT)
        assert run["pretraining"]["step"] == about["settings"]["steps"] and "loss" in run["pretraining"]["validation"]


def test_a_record_is_what_probing_by_hand_gives(parts, tiny):
    run = ran(parts, tiny, methods=("rotation",), compute=(2,), fine_tuning=())[0]
    weights = load_file(tiny / "runs" / "study-scenes-cpu-rotation-2x-0-encoder.safetensors")
    encoder = ConvNet(8)
    encoder.load_state_dict({name: value.float() for name, value in weights.items()})
    few = data.labelled_subset(parts.train.labels, 2, seed=1)
    judges = protocol.judges_of(parts.validation.labels, len(few), 1)
    features = [evaluate.embed(evaluate.Layer(encoder, 4, 2), part) for part in parts]
    probe = evaluate.linear_probe(features[0][few], parts.train.labels[few], features[1][judges], parts.validation.labels[judges],
                                  penalties=protocol.PENALTIES, statistics=(features[0].mean(0), features[0].std(0, correction=0)))
    record, = (r for r in run["records"] if (r["budget"], r["seed"], r["probe"], r["rule"]) == (2, 1, "linear", "last"))
    assert record["accuracy"] == pytest.approx(evaluate.accuracy(probe.predict(features[2]), parts.test.labels))


def test_stopped_anywhere_it_goes_on_to_the_same_numbers(parts, finished, tiny, monkeypatch):
    whole = ran(parts, finished)
    stops = []

    def stopping(function):
        def wrapped(*arguments, **settings):
            result = function(*arguments, **settings)
            stops.append("stop" if len(stops) % 3 == 0 and stops.count("stop") < 4 else "go")
            if stops[-1] == "stop":
                raise KeyboardInterrupt
            return result
        return wrapped

    for module, name in ((protocol, "finetune_method"), (protocol, "choose_block"), (study, "train")):
        monkeypatch.setattr(module, name, stopping(getattr(module, name)))
    for _ in range(20):
        try:
            pieces = ran(parts, tiny / "pieces")
            break
        except KeyboardInterrupt:
            pass
    assert stops.count("stop") >= 4
    key = lambda record: (record["arm"], record["budget"], record["seed"], record.get("probe", ""), record.get("rule", ""))
    for one, other in zip(whole, pieces, strict=True):
        assert sorted(one["records"], key=key) == sorted(other["records"], key=key)
        assert one.get("factors") == other.get("factors") and one.get("weights") == other.get("weights")


def test_what_is_done_is_not_done_again_and_more_can_be_asked_for(parts, finished, tiny, monkeypatch):
    before = contents(tiny)
    with monkeypatch.context() as patch:
        patch.setattr(study, "train", lambda *arguments, **settings: pytest.fail("trained again"))
        patch.setattr(protocol, "finetune_method", lambda *arguments, **settings: pytest.fail("fine-tuned again"))
        ran(parts, tiny)
    assert contents(tiny) == before
    runs = ran(parts, tiny, methods=("rotation",), budgets=(1, 2, 3), compute=(2,), fine_tuning=())
    kept = next(run for run in runs if (run["arm"], run["about"]["compute"]) == ("rotation", 2))["records"]
    assert all(record in kept for record in json.loads(before["rotation-2x-0.json"])["records"])
    assert {record["budget"] for record in kept} == {1, 2, 3}


def test_a_stop_inside_training_keeps_its_steps_and_records_nothing(parts, tiny, monkeypatch):
    real = study.train
    monkeypatch.setattr(study, "train", lambda *arguments, **settings: [{"step": 0, "seconds": 0.1}])
    with pytest.raises(KeyboardInterrupt, match=r"rotation stopped after step 0 of \d+"):
        ran(parts, tiny)
    assert contents(tiny) == {}
    monkeypatch.setattr(study, "train", real)
    ran(parts, tiny, methods=("rotation",), fine_tuning=())
    assert not list((tiny / "runs").glob("*x-0.safetensors"))       # checkpoints go once their encoder is kept


def test_two_processes_share_the_runs(parts, tiny):
    (tiny / "runs").mkdir()
    settings = {"compute": (1,), "fine_tuning": ()}
    with FileLock(tiny / "runs" / "study-scenes-cpu-rotation-1x-0.lock"):            # as another process would hold it
        runs = ran(parts, tiny, **settings)
    assert [run["arm"] for run in runs][:2] == ["mae", "random encoder"]
    assert "rotation" in [run["arm"] for run in ran(parts, tiny, **settings)]


def test_what_cannot_go_on_is_refused_and_said(parts, tiny):
    ran(parts, tiny, methods=("rotation",), compute=(1,), fine_tuning=())
    with pytest.raises(ValueError, match=r"rotation-1x-0.json holds another run: unit was 2000000000.0, now 3000000000.0. Give this study"):
        ran(parts, tiny, methods=("rotation",), compute=(1,), unit=3e9)
    weights = tiny / "runs" / "study-scenes-cpu-rotation-1x-0-encoder.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(RuntimeError, match="encoder.safetensors is not the file that was measured"):
        ran(parts, tiny, methods=("rotation",), compute=(1,), budgets=(3,), fine_tuning=())
    weights.unlink()
    told, before = [], json.loads(contents(tiny)["rotation-1x-0.json"])["records"]
    runs = ran(parts, tiny, methods=("rotation",), compute=(1,), budgets=(3,), say=lambda words, **how: told.append(words))
    assert runs[0]["records"] == before and any(record["budget"] == 3 for record in runs[1]["records"])       # the others go on
    assert re.search("rotation 0: .*encoder.safetensors is not here, so nothing is added to this run; put it back", told[0])
    with pytest.raises(ValueError, match="no method 'simsiam': want some of rotation"):
        ran(parts, tiny, methods=("simsiam",))
    for wrong in ({"pretrainings": 0}, {"compute": ()}, {"compute": (-1,)}, {"methods": ()}):
        with pytest.raises(ValueError, match="want at least one of each"):
            ran(parts, tiny, **wrong)
    with pytest.raises(FileNotFoundError, match="no runs in .*nowhere"):
        compare.stored(tiny / "nowhere")


def test_pretrainings_differ_and_each_counts_once(parts, tiny):
    runs = [run for run in ran(parts, tiny, methods=("rotation",), compute=(1,), pretrainings=2, fine_tuning=()) if run["arm"] == "rotation"]
    assert [run["about"]["pretraining"] for run in runs] == [0, 1] and runs[0]["weights"]["sha256"] != runs[1]["weights"]["sha256"]
    levels = evaluate.levels_by_compute(runs)
    (flops, row), = levels["rotation"].items()
    each = [statistics.mean(r["accuracy"] for r in run["records"] if (r["budget"], r["rule"], r["probe"]) == (2, "chosen", "linear")) for run in runs]
    assert flops == runs[0]["about"]["cost"]["encoder FLOPs"]
    assert row[2] == pytest.approx((statistics.mean(each), statistics.stdev(each)))


def test_every_method_has_baselines_of_its_own_kind():
    assert set(study.BASELINES) == set(compare.FLOORS + compare.VIT_FLOORS)
    assert set(study.RANDOM.values()) == set(study.SCRATCH.values()) == {"rotation", "colorization", "split_brain", "mae"}


def synthetic(curves, budget=100, deviation=0.0):
    """{arm: {FLOPs: accuracy}} → runs, two pretrainings each."""
    return [{"arm": arm, "about": {"method": arm if flops else None, "pretraining": number, "compute": flops, "cost": {
                "images": 10, "views": 20, "updates": 3, "encoder FLOPs": flops}}, "seconds": {"pretraining": 60.0},
             "records": [{"arm": arm, "budget": budget, "seed": 0, "probe": "linear", "rule": rule, "layer": 1,
                          "accuracy": accuracy + (2 * number - 1) * deviation} for rule in ("chosen", "last")]}
            for arm, row in curves.items() for flops, accuracy in row.items() for number in range(2)]


CURVES = {"rotation": {1e12: 0.40, 4e12: 0.44, 16e12: 0.46}, "simclr": {1e12: 0.36, 4e12: 0.43, 16e12: 0.50}, "random encoder": {0: 0.3}}


def test_where_curves_cross_is_read_off_the_logarithm_of_flops():
    levels = evaluate.levels_by_compute(synthetic(CURVES))
    # Between 4e12 and 16e12 the lead goes from −0.01 to +0.04: after a fifth of the way, in the logarithm.
    assert evaluate.crossing(levels, "simclr", "rotation", 100) == pytest.approx(4e12 * 4 ** 0.2)
    assert evaluate.crossing(levels, "rotation", "simclr", 100) is None
    with pytest.raises(ValueError, match="'moco' with 100 labels per class was not measured"):
        evaluate.crossing(levels, "moco", "simclr", 100)


def test_the_figure_draws_every_level_with_its_deviation_and_the_baselines_as_lines():
    figure = plots.against_compute(synthetic(CURVES, deviation=0.01), budgets=[100])
    axes, = figure.axes
    lines = {tuple(line.get_xdata()): line.get_ydata() for line in axes.get_lines() if len(line.get_xdata()) == 3}
    heights = sorted(tuple(round(float(y), 6) for y in data) for data in lines.values()) if len(lines) > 1 else None
    drawn = [tuple(round(float(y), 6) for y in container[0].get_ydata()) for container in axes.containers]
    assert sorted(drawn) == [(36.0, 43.0, 50.0), (40.0, 44.0, 46.0)] and (heights is None or heights)
    low, high = axes.containers[0][2][0].get_segments()[0][:, 1]
    assert high - low == pytest.approx(2 * 100 * statistics.stdev([-0.01, 0.01]))
    assert any(line.get_ydata()[0] == pytest.approx(30) for line in axes.get_lines() if len(set(line.get_ydata())) == 1)
    assert {text.get_text() for text in axes.texts} >= {"rotation", "simclr", "random encoder"}
    with pytest.raises(ValueError, match="no method has records"):
        plots.against_compute(synthetic({"random encoder": {0: 0.3}}))
    with pytest.raises(ValueError, match=r"labels per class \[7\]: every method has \[100\]"):
        plots.against_compute(synthetic(CURVES), budgets=[7])


def test_the_table_says_what_the_runs_hold():
    told = compare.compute_table(synthetic(CURVES, deviation=0.01), compute=4e12).splitlines()
    assert [line.split("  ")[0] for line in told[1:]] == ["rotation", "simclr", "random encoder"]        # the best first, baselines last
    assert told[1].split()[1:4] == ["44.0", "±", "1.4"] and told[1].split()[-6:] == ["44.0", "10", "20", "3", "4.0", "1.0"]
    assert compare.compute_table(synthetic(CURVES)).splitlines()[1].startswith("simclr")                  # at the largest compute
    with pytest.raises(ValueError, match="compute 2 ×: every method has"):
        compare.compute_table(synthetic(CURVES), compute=2)


@pytest.mark.parametrize("method", recipes.RECIPES)
def test_the_gpu_tier_runs_whole_where_there_is_no_gpu(method, parts, tmp_path, monkeypatch):
    """Its networks, its batches, its probes: on four images, so that a CPU can bear it."""
    monkeypatch.setattr(recipes, "vit", lambda tier, name="scenes": ViT(32, 4, 192, 2, 3))
    few = data.Splits(*(part[data.labelled_subset(part.labels, 1)] for part in parts[:1]), *(part[:10] for part in parts[1:]))
    real = recipes.RECIPES[method]
    monkeypatch.setitem(recipes.RECIPES, method, lambda tier, name: (recipe := real(tier, name))._replace(
        settings={**recipe.settings, "batch_size": 4}))
    runs = study.study(few, "scenes", "gpu", methods=(method,), compute=(1,), pretrainings=1, unit=1.0, budgets=(1,), fine_tuning=(),
                       count=lambda budget: 1, device="cpu", folder=tmp_path / "study-scenes-gpu", checkpoints=tmp_path / "runs",
                       say=lambda *words, **how: None)
    run = runs[0]
    assert run["about"]["settings"]["batch_size"] == 4 and run["about"]["settings"]["steps"] == 1 and run["records"]
    if method == "rotation":
        assert run["about"]["parameters"] == sum(value.numel() for value in ResNet18().parameters())


def test_the_command_prints_the_table_and_names_its_files(parts, tiny, monkeypatch, capsys):
    monkeypatch.setattr(recipes, "splits", lambda name, tier, size=32: parts)
    monkeypatch.setattr(study, "UNIT", {("cpu", "scenes"): UNIT})
    monkeypatch.setattr(protocol, "subsets", lambda budget: 2)
    monkeypatch.chdir(tiny)
    words = ["compare", "--methods", "rotation", "--compute", "1", "2", "--pretrainings", "1", "--budgets", "1", "2", "--tier", "cpu", "--fine-tuning"]
    cli.main(words)
    told = capsys.readouterr().out
    assert "rotation" in told and "raw pixels" in told and "TFLOP" in told
    assert (tiny / "bench/results/study-scenes-cpu/rotation-2x-0.json").exists() and (tiny / "runs/study-scenes-cpu.png").exists()
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
        recipe = recipes.with_steps(recipes.RECIPES[method]("cpu", "scenes"), 2)
        losses.append(train(recipe.task, parts.train.images, steps=2, batch_size=16, amp=False, compile=asked, progress=False, device="cpu")[-1]["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
