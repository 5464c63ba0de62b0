"""Let `run --report` write onto a device."""

import os

LINE = "D17"
EXIT = (0, 2)


def attack(box):
    device = box.folder / "out.jsonl"
    try:
        os.mknod(device, 0o20666, os.makedev(1, 3))
    except OSError:
        device.symlink_to("/dev/null")
    box.run("green")
    box.require(device.is_char_device(), "the device was replaced by a file")
