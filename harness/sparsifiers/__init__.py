"""The adapters that ship with sparsecheck, one file a package, each behind the same entry point as anyone's."""
