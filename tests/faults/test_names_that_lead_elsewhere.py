"""A name of a stored result or network that leads out of the folder of results, or is no name

What the user sees: that nothing of this name comes with the kit, and which there are; no other file
is read.
"""

import json

import pytest

import sslkit
from sslkit import evaluate


@pytest.mark.parametrize(
    "name", ["../secret", "../../secret", "folder/../../secret", "{absolute}", "", ".", "link"]
)
def test_only_the_folder_of_results_is_read(name, tmp_path, monkeypatch):
    results = tmp_path / "results"
    (results / "folder").mkdir(parents=True)
    for place in (tmp_path, tmp_path.parent):
        (place / "secret.json").write_text(json.dumps({"password": 1}))
    (results / "link.json").symlink_to(tmp_path / "secret.json")
    (results / "sound.json").write_text("{}")
    monkeypatch.setattr(evaluate, "results_folder", lambda: results)
    with pytest.raises(FileNotFoundError, match="comes with the kit; there are: .*sound"):
        evaluate.stored(name.format(absolute=tmp_path / "secret"))
    assert evaluate.stored("sound") == {}


@pytest.mark.parametrize("name", [[], None, 3, {}, ("simclr",), "", "../simclr"])
def test_what_is_no_name_of_a_network_is_refused(name):
    with pytest.raises(ValueError, match="comes with the kit; there are: mae-scenes, "):
        sslkit.pretrained(name)
