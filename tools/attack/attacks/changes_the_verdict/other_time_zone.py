"""Judge in a time zone of +14 hours."""

LINE = "F1"
EXIT = 0


def attack(box):
    box.run("green", env={"TZ": "Pacific/Kiritimati"})
    [header, *_] = box.lines(box.folder / "out.jsonl")
    box.require(header["started"].endswith("+00:00"), f"started {header['started']}")
