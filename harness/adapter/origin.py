"""Find out which file and which distribution the judged code comes from, and take its fingerprint."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import Distribution
from pathlib import Path

from ..values.origin import UNUSED, Fingerprint, Origin
from .code_digest import RecordedHashes, digest_of_files, module_files
from .distributions import Recorded, editable_folder, installed, modules_of, recorded
from .module_search import file_of
from .own_modules import BEFORE_ADAPTERS, OwnModules, own_modules


@dataclass(frozen=True)
class JudgedCode:
    """The code that is judged: a distribution, and the adapter that calls it.

    Attributes:
        distribution: The name of the distribution that the adapter states, or an empty string.
        module: The name of the adapter's module.
        source: The file of the adapter.
    """

    distribution: str
    module: str
    source: Path

    @cached_property
    def origin(self) -> Origin:
        """Return where the code is imported from, without importing it."""
        if not self.distribution:
            return Origin("", "", str(self.source), "adapter file")
        if self._installed is None:
            return Origin(self.distribution, "", "", "not installed")
        if not self._is_imported:
            return Origin(self.distribution, self._installed.version, str(self.source), UNUSED)
        file = next(iter(self._files.values()), "")
        return Origin(self.distribution, self._installed.version, file, self._deviation(self._installed, file))

    def fingerprint(self, expectations: Path) -> Fingerprint:
        """Return the digests of the code and of the expectation file, which need not exist."""
        own = ((name, file) for name, file in self._own.files.items())
        return Fingerprint(self._package_digest(), digest_of_files(own), _digest_of(expectations))

    def python_files(self) -> dict[str, str]:
        """Return the maintainer's Python files by name: those of the distribution, and the adapter's own.

        Of torch, and of other packages that sparsecheck needs itself, only the adapter's own are.
        """
        found = self._files.items() if self._is_imported else ()
        modules = {name: file for name, file in found if name not in BEFORE_ADAPTERS}
        files = {path: name for module, file in modules.items() for name, path in module_files(module, file)}
        for module, file in self._own.files.items():
            files.setdefault(file, _name_of(module, file))
        return {name: path for path, name in files.items() if path.endswith(".py")}

    @cached_property
    def _installed(self) -> Distribution | None:
        return installed(self.distribution)

    @cached_property
    def _modules(self) -> list[str]:
        return modules_of(self._installed, self._record) if self._installed is not None else []

    @cached_property
    def _files(self) -> dict[str, str]:
        """Return the file of each outermost module of the distribution that can be imported."""
        return {module: file for module in self._modules if (file := _file_of(module))}

    @cached_property
    def _own(self) -> OwnModules:
        return own_modules(self.module, self.source, self._files)

    @cached_property
    def _is_imported(self) -> bool:
        """Return whether the adapter imports the distribution or is part of it; true if nothing of it can be found."""
        return not self._files or any(self._own.imports(one) or one in sys.modules for one in self._files)

    def _package_digest(self) -> str:
        """Return the digest of the distribution; of what is imported instead if the adapter does not import it."""
        modules = self._files if self._files and self._is_imported else self._own.foreign
        files = (pair for module, file in modules.items() for pair in module_files(module, file))
        return digest_of_files(files, self._hashes)

    @cached_property
    def _record(self) -> Recorded:
        return recorded(self._installed) if self._installed is not None else Recorded("", {})

    @property
    def _hashes(self) -> RecordedHashes | None:
        """Return the recorded hashes of an installed release, or None if there are none."""
        with suppress(OSError):
            return RecordedHashes(self._record) if self._record.record else None
        return None

    def _deviation(self, found: Distribution, file: str) -> str:
        """Return the reason why `file` is not that of the installed release, or an empty string."""
        if editable_folder(found) is not None:
            return "editable install"
        if not self._record.record and not self._record.files:
            return "checkout" if found.read_text("SOURCES.txt") else ""
        here = os.path.realpath(file)
        alike = (path for path in self._record.files if path.endswith(os.path.basename(here)))
        return "" if not file or any(os.path.realpath(path) == here for path in alike) else "checkout"


def _name_of(module: str, file: str) -> str:
    """Return the name of a module's file relative to the folder of its outermost package."""
    folder, name = module.replace(".", "/"), os.path.basename(file)
    return f"{folder}/{name}" if name == "__init__.py" else f"{folder.rpartition('/')[0]}/{name}".lstrip("/")


def _file_of(module: str) -> str:
    """Return the file of a module; of the one that is running if it was imported before any adapter could be.

    An adapter's folder is on the import path by now, and may contain a module of the same name.
    """
    spec = getattr(sys.modules.get(module), "__spec__", None) if module in BEFORE_ADAPTERS else None
    return (spec and spec.origin) or file_of(module)


def _digest_of(file: Path) -> str:
    """Return the digest of one file, or an empty string if there is none."""
    return digest_of_files([("", str(file))]) if file.exists() else ""
