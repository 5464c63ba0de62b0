"""Write onto a device: it must be written to, not replaced by a file."""

import os

LINE = "D17"
EXIT = 0


def attack(box):
    report = box.report()
    device = box.folder / "null"
    try:
        os.mknod(device, 0o20666, os.makedev(1, 3))
    except OSError:
        device.symlink_to("/dev/null")
    box.sparsecheck("page", report, "--html", device)
    box.require(device.is_char_device(), "the device was replaced by a file")
