"""The fingerprint of judged code changes with every file that decides a verdict, and with nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sparsecheck.adapter.module_search import file_of
from sparsecheck.adapter.origin import JudgedCode
from sparsecheck.adapter.own_code import own_digest
from sparsecheck.values.origin import UNUSED, Fingerprint

CODE = {"acme/__init__.py": "from .masks import prune", "acme/masks.py": "prune = 1", "acme/deep/kernel.cu": "//"}

IN_FUNCTION = "def attach():\n    import helpers"


@dataclass(frozen=True)
class Installed:
    """A release of acme-pruning in a folder of its own, and an adapter file beside that folder."""

    site: Path
    adapter: Path

    def fingerprint(self, module: str = "acme_adapter") -> Fingerprint:
        return self.code(module).fingerprint(self.adapter.with_suffix(".expectations.toml"))

    def code(self, module: str = "acme_adapter", distribution: str = "acme-pruning") -> JudgedCode:
        return JudgedCode(distribution, module, self.adapter)


def sha256(text: str) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def release(folder: Path, hashes: bool = True, code: Mapping[str, str] = CODE) -> Path:
    """Write a release with true hashes in RECORD, or with none; RECORD is the youngest file by a second."""
    place = folder / "site"
    info = "acme_pruning-1.0.dist-info"
    lines = [f"{path},{sha256(text)},{len(text)}" if hashes else f"{path},," for path, text in code.items()]
    metadata = {"METADATA": "Metadata-Version: 2.1\nName: acme-pruning\nVersion: 1.0\n",
                "RECORD": "\n".join([*lines, f"{info}/RECORD,,", ""])}
    for path, text in {**code, **{f"{info}/{name}": text for name, text in metadata.items()}}.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    later = time.time() + 1
    os.utime(place / info / "RECORD", (later, later))
    return place


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    place, adapter = release(tmp_path), tmp_path / "acme_adapter.py"
    adapter.write_text("from acme import prune")
    monkeypatch.syspath_prepend(place)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return Installed(place, adapter)


def edited(file: Path, text: str) -> Callable[[], None]:
    """Return a function that writes a file after RECORD was written, and makes it look as old as it was."""

    def edit() -> None:
        before = file.stat() if file.exists() else None
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        if before is not None:
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    return edit


def wait_until_later_than(record: Path) -> None:
    while time.time_ns() <= record.stat().st_mtime_ns:
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("path", "text", "part"),
    [
        ("site/acme/masks.py", "prune = 2", "package"),
        ("site/acme/masks.py", "prune = 1 ", "package"),
        ("site/acme/deep/kernel.cu", "/*", "package"),
        ("site/acme/more.py", "", "package"),
        ("site/acme/masks/__init__.py", "prune = 1", "package"),
        ("acme_adapter.py", "from acme import prune ", "adapter"),
        ("acme_adapter.expectations.toml", "", "expectations"),
    ],
)
def test_every_edit_changes_its_own_part(installed: Installed, path: str, text: str, part: str) -> None:
    before = installed.fingerprint()
    wait_until_later_than(next(installed.site.glob("*/RECORD")))
    edited(installed.site.parent / path, text)()
    after = installed.fingerprint()
    assert [name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)] == [part]
    [change] = before.changes(after, "acme-pruning", "{} before, {} now")
    what = {"package": "code of acme-pruning", "adapter": "adapter file", "expectations": "expectation file"}
    digests = getattr(before, part)[:8] or "none", getattr(after, part)[:8]
    assert change == f"the {what[part]} ({digests[0]} before, {digests[1]} now)"


@pytest.mark.parametrize("path", ["acme/masks.py", "acme/deep/kernel.cu"])
def test_a_removed_file_changes_the_fingerprint(installed: Installed, path: str) -> None:
    before = installed.fingerprint()
    (installed.site / path).unlink()
    assert installed.fingerprint().package != before.package


def test_other_files_and_touching_change_nothing(installed: Installed) -> None:
    before = installed.fingerprint()
    wait_until_later_than(next(installed.site.glob("*/RECORD")))
    for file in ("acme/data.json", "acme/__pycache__/masks.cpython-311.pyc", "acme/.hidden/a.py", "other.py"):
        edited(installed.site / file, "1")()
    edited(installed.adapter.parent / "unrelated.py", "1")()
    (installed.site / "acme/masks.py").touch()
    assert installed.fingerprint() == before


def test_the_recorded_hash_of_an_untouched_file_is_its_hash(installed: Installed, tmp_path: Path) -> None:
    before = installed.fingerprint()
    release(tmp_path, hashes=False)
    assert installed.fingerprint() == before, "read or recorded, it is the same"
    [record] = release(tmp_path).glob("*/RECORD")
    wait_until_later_than(record)
    record.write_text(record.read_text().replace(sha256(CODE["acme/masks.py"]), sha256("")))
    assert installed.fingerprint() != before, "the recorded one is used"


def test_the_folder_of_the_code_does_not_count(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = installed.fingerprint()
    installed.site.rename(tmp_path / "elsewhere")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    assert installed.fingerprint() == before


def test_an_editable_install_and_a_checkout_are_read_as_a_whole(installed: Installed) -> None:
    [metadata] = installed.site.glob("*.dist-info")
    (metadata / "RECORD").write_text("acme.pth,,\n")
    (metadata / "top_level.txt").write_text("acme\n")
    (metadata / "direct_url.json").write_text(json.dumps({"url": "file:///src", "dir_info": {"editable": True}}))
    assert installed.code().origin.deviation == "editable install"
    before = installed.fingerprint()
    assert before.package
    edited(installed.site / "acme/masks.py", "prune = 2")()
    assert installed.fingerprint().package != before.package


@pytest.mark.parametrize("imports", ["from helpers import level", "import helpers", IN_FUNCTION, "from first import x"])
def test_modules_beside_the_adapter_belong_to_it(installed: Installed, imports: str) -> None:
    folder = installed.adapter.parent
    (folder / "first.py").write_text("import helpers\nx = 1")
    (folder / "helpers.py").write_text("level = 1")
    installed.adapter.write_text(f"import json, acme, torch, numpy\n{imports}\n")
    before = installed.fingerprint()
    (folder / "helpers.py").write_text("level = 2")
    after = installed.fingerprint()
    assert before.adapter != after.adapter
    assert before.package == after.package


def test_modules_of_the_adapters_own_package_belong_to_it(installed: Installed) -> None:
    package = installed.site / "acme_judge"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "helpers.py").write_text("from ..acme_judge import __doc__")
    (package / "adapter.py").write_text("import acme\nfrom . import helpers")
    judged = Installed(installed.site, package / "adapter.py")
    before = judged.fingerprint("acme_judge.adapter")
    (package / "helpers.py").write_text("level = 2")
    assert judged.fingerprint("acme_judge.adapter").adapter != before.adapter


def test_an_adapter_that_imports_another_module_is_reported_and_that_module_counts(
    installed: Installed, tmp_path: Path
) -> None:
    (installed.site / "zeta.py").write_text("level = 1")
    installed.adapter.write_text("import zeta")
    origin = installed.code().origin
    assert (origin.version, origin.file, origin.deviation) == ("1.0", str(installed.adapter), UNUSED)
    before = installed.fingerprint()
    (installed.site / "zeta.py").write_text("level = 2")
    assert installed.fingerprint().package != before.package


@pytest.mark.parametrize("text", ["import acme", "from acme.masks import prune", "if 0:\n  import acme.masks"])
def test_an_import_anywhere_in_the_adapter_counts(installed: Installed, text: str) -> None:
    installed.adapter.write_text(text)
    assert installed.code().origin.deviation == ""
    assert installed.code().origin.file == str(installed.site / "acme/__init__.py")


@pytest.mark.parametrize("text", ["import (", "\0", "", "x = " + "(" * 500, b"\xff\xfe"])
def test_a_source_that_cannot_be_parsed_imports_nothing(installed: Installed, text: str | bytes) -> None:
    installed.adapter.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert installed.code().origin.deviation == UNUSED
    assert installed.fingerprint().adapter


def test_a_stale_egg_info_in_front_does_not_give_the_version(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = tmp_path / "checkout" / "acme_pruning.egg-info"
    stale.mkdir(parents=True)
    (stale / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: acme-pruning\nVersion: 0.1\n")
    (stale / "SOURCES.txt").write_text("acme/__init__.py\n")
    monkeypatch.syspath_prepend(stale.parent)
    assert (installed.code().origin.version, installed.code().origin.deviation) == ("1.0", "")
    for path, text in CODE.items():
        edited(stale.parent / path, text)()
    assert (installed.code().origin.version, installed.code().origin.deviation) == ("0.1", "checkout"), "its own code"


def test_all_of_torch_is_covered_within_a_second() -> None:
    module = "sparsecheck.adapter.shipped.torch_ao_pruning"
    code = JudgedCode("torch", module, Path(file_of(module)))
    begun = time.process_time()
    fingerprint = code.fingerprint(Path("missing.toml"))
    assert time.process_time() - begun < 1
    assert len(fingerprint.package) == 64
    assert code.origin.deviation == ""


def test_sparsecheck_has_a_digest_of_its_own() -> None:
    assert len(own_digest()) == 64
