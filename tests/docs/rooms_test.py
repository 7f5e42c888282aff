#!/usr/bin/env python3
"""The table of rooms in docs/architecture.md is what the sources include: no room knows more, and none is said to.

    rooms_test.py SOURCE_FOLDER
"""
import pathlib
import re
import sys

SOURCE = pathlib.Path(sys.argv[1])
ONLY_USERS = {"mpi.h": {"comm"}, "nccl.h": {"comm"}, "hdf5.h": {"store"}, "boost/": {"config"}}


def rooms_of_table():
    """What each room knows, of the rooms."""
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \|$", (SOURCE / "docs/architecture.md").read_text(), re.M)
    table = {room: re.findall(r"\w+", knows.split(";")[0]) for room, knows in rows}
    return {room: {name for name in knows if name in table} for room, knows in table.items()}


def includes_of(room):
    text = "\n".join(file.read_text() for file in sorted((SOURCE / "src" / room).rglob("*.[chi][pn]*")))
    return set(re.findall(r'^#include "(\w+)/', text, re.M)), set(re.findall(r"^#include <([^>]+)>", text, re.M))


def main():
    wrong = []
    table = rooms_of_table()
    folders = {folder.name for folder in (SOURCE / "src").iterdir() if folder.is_dir()} - {"app"}
    if folders != set(table):
        wrong.append(f"the table has the rooms {sorted(table)}, src/ has {sorted(folders)}")
    for room in sorted(folders & set(table)):
        own, foreign = includes_of(room)
        own -= {room}
        if own - table[room]:
            wrong.append(f"{room} includes {sorted(own - table[room])}, which the table does not say")
        if table[room] - own:
            wrong.append(f"{room} does not include {sorted(table[room] - own)}, which the table says it knows")
        for header, users in ONLY_USERS.items():
            if room not in users and any(name.startswith(header) for name in foreign):
                wrong.append(f"{room} includes <{header}>, of which {sorted(users)} is the only user")
    print("\n".join(wrong) or f"{len(table)} rooms are as the table says")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
