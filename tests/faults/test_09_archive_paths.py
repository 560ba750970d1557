"""An archive whose files would land outside its folder, or swell without end

What the user sees: the archive is refused, with the name that leads outside; nothing of it is left
on the disk.
"""

import io
import tarfile

import pytest

from sslkit.data.folders import _unpack


def archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc"
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


def left(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_a_sound_archive_is_unpacked_as_a_whole_and_a_damaged_folder_is_kept(tmp_path):
    file = archive(
        tmp_path / "set.tgz",
        {"set/a/x.png": b"x", "._set": b"?", "set/y.txt": b"y", "other/z": b"?"},
    )
    _unpack(file, tmp_path / "set", 10)
    assert left(tmp_path / "set") == ["a/x.png", "y.txt"]
    (tmp_path / "set" / "y.txt").unlink()
    with pytest.warns(UserWarning, match="set is damaged; it is left as .*set.damaged"):
        _unpack(file, tmp_path / "set", 10)
    assert left(tmp_path) == ["set.damaged/a/x.png", "set.tgz", "set/a/x.png", "set/y.txt"]


@pytest.mark.parametrize(
    "name, content, says",
    [
        ("../evil", b"x", "which is no plain file in set"),
        ("set/../../evil", b"x", "no plain file"),
        ("/tmp/evil", b"x", "no plain file"),
        ("C:/evil", b"x", "no plain file"),
        ("set/link", None, "no plain file"),
        ("set/large", b"x" * 2000, "unpacks to more than 1,000 bytes"),
    ],
)
def test_what_leads_outside_or_swells_is_refused_and_leaves_nothing(tmp_path, name, content, says):
    inner = tmp_path / "inner"
    inner.mkdir()
    file = archive(inner / "set.tgz", {"set/sound": b"x", name: content})
    with pytest.raises(ValueError, match=says):
        _unpack(file, inner / "set", 1000)
    assert left(tmp_path) == ["inner/set.tgz"]
