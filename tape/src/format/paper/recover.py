#!/usr/bin/env python3
"""Reads tapes that Holdfast wrote and gives back restic repositories. Needs nothing but python3.

  recover.py --list [--key FILE] SOURCE...        what is there: tapes, repositories, runs
  recover.py --to DIRECTORY [--run NAME] [--key FILE] SOURCE...

A SOURCE is a tape device that does not rewind (/dev/nst0), a dumped tape file, or a directory of
dumped tape files in the order of their names; give the tapes of a set in their order. Every object
is checked; what is damaged is not written. A set of runs is cut to the newest run of each
repository, to that of --run, or with `--run all` not at all. Encrypted objects need the key that
`age -d KEYS/<key>.<how>.age` gives. Exit status: 0 all is well, 1 something is missing or damaged
(and was said), 2 nothing could be done.
"""

import argparse
import hashlib
import json
import os
import re
import stat
import sys
import tempfile

BLOCK, UNIT, MIB = 256 * 1024, 512, 1 << 20
OBJECT = 256 * MIB
LIST = 8 << 30
LINE = 1024
STORED = lambda length: 32 + length + 16 * max(1, -(-length // 65536))  # encrypted
HEX = "[0-9a-f]"
DIRECTORY = r"(?:(?!\.)[a-z0-9._-]{1,63}/){0,2}"
NAME = re.compile(
    rf"({DIRECTORY})(config|(?:keys|index|snapshots)/({HEX}{{64}})|data/({HEX}{{2}})/({HEX}{{64}})"
    rf"|\.holdfast/runs/((?!\.)[A-Za-z0-9._-]{{1,64}})\.list)",
    re.ASCII,
)
WORDS = {"config", "data", "index", "keys", "locks", "snapshots"}
PAPERS = re.compile(
    r"(LABEL\.json|README\.txt|FORMAT\.md|(?:recover|decrypt)\.py|KEYS/(?!\.)[A-Za-z0-9._-]{1,64}|SET\.json"
    r"|SEAL\.json|SEAL\.sig|\.pad|\.holdfast/tail\.json)",
    re.ASCII,
)
LISTS = re.compile(r"(CATALOG/[0-9]{5,10}\.jsonl|INDEX\.jsonl|\.holdfast/index\.jsonl)", re.ASCII)


class Bad(Exception):
    """What a tape of ours never says."""


class Name:
    """The path of an object, taken apart; None of it is believed before."""

    def __init__(self, path):
        match = NAME.fullmatch(path)
        if not match or WORDS & set(match[1].split("/")):
            raise Bad(f"{path[:256]!r} is no name of this format")
        self.path, self.directory, self.object = path, match[1], match[2]
        self.run, self.sha256 = match[6], match[3] or match[5]
        if match[4] and not match[5].startswith(match[4]):
            raise Bad(f"{path!r} stands in the wrong folder")
        self.most = 64 << 10 if self.object == "config" else LIST if self.run else OBJECT


class Short(Exception):
    """The file ends before what it promised."""


class Blocks:
    """The bytes of one tape file, read in blocks and never held as a whole."""

    def __init__(self, source, first):
        self.source, self.rest, self.ended = source, first, False

    def pieces(self, count):
        while count:
            if not self.rest:
                self.rest = self.source()
                self.ended = not self.rest
                if self.ended:
                    raise Short()
            piece, self.rest = self.rest[:count], self.rest[count:]
            count -= len(piece)
            yield piece

    def take(self, count):
        return b"".join(self.pieces(count))


def number(field):
    text = field.rstrip(b"\0 ")
    if not re.fullmatch(rb"[0-7]+", text):
        raise Bad("a damaged header")
    return int(text, 8)


def header(unit):
    """The type, path and length of one tar header."""
    total = sum(unit) - sum(unit[148:156]) + 8 * 32
    if unit[257:265] != b"ustar\x0000" or number(unit[148:156]) != total:
        raise Bad("a damaged header")
    name, prefix = unit[:100].rstrip(b"\0"), unit[345:500].rstrip(b"\0")
    path = (prefix + b"/" + name if prefix else name).decode("ascii", "replace")
    return chr(unit[156]), path, number(unit[124:136])


def keywords(data):
    found = {}
    while data:
        match = re.match(rb"([0-9]{1,4}) (?=HOLDFAST\.)", data)
        record = data[: int(match[1])] if match else b""
        if not record.endswith(b"\n") or b"=" not in record:
            raise Bad("a damaged pax header")
        key, value = record[len(match[0]) : -1].split(b"=", 1)
        found[key.decode("ascii", "replace")] = value.decode("ascii", "replace")
        data = data[len(record) :]
    return found


class Members:
    """The members of one tape file: yields (path, name, length, sha256, key, pieces)."""

    def __init__(self, blocks):
        self.blocks, self.opening = blocks, None

    def __iter__(self):
        said = None
        while True:
            unit = self.blocks.take(UNIT)
            if not any(unit):
                if any(self.blocks.take(UNIT)):
                    raise Bad("something behind the end of the archive")
                return
            kind, path, length = header(unit)
            if kind in "gx":
                if length > 4096 or said is not None or (kind == "g") != (self.opening is None):
                    raise Bad("a pax header that does not belong there")
                data = self.blocks.take(length + -length % UNIT)[:length]
                if kind == "g":
                    self.opening = keywords(data)
                    if self.opening.get("HOLDFAST.version") != "1":
                        raise Bad("another version of the format: get a newer recover.py")
                else:
                    said = keywords(data)
                continue
            if kind != "0" or self.opening is None:
                raise Bad(f"a member of type {kind!r}, which no tape of ours has")
            is_list, is_paper = LISTS.fullmatch(path), PAPERS.fullmatch(path)
            name = None if is_list or is_paper else Name(path)
            sha256, key = map((said or {}).get, ("HOLDFAST.sha256", "HOLDFAST.key"))
            most = LIST if is_list else MIB if is_paper else name.most
            if length > (STORED(most) if key else most):
                raise Bad(f"{path} claims {length} bytes, {most} is the most")
            if name and name.sha256 and name.sha256 != sha256:
                raise Bad(f"{path} has another SHA-256 than its name")
            said = None
            pieces = self.blocks.pieces(length)
            yield path, name, length, sha256, key, pieces
            for _ in pieces:  # what nobody wanted
                pass
            self.blocks.take(-length % UNIT)


class Store:
    """The objects as they come, in a directory of their own; without one they are only checked."""

    def __init__(self, root, keys):
        self.root, self.keys, self.have, self.locked = root, keys, {}, {}

    def target(self, path):
        return os.path.join(self.root, *path.split("/"))

    def put(self, name, sha256, key, pieces):
        """Writes one object if its bytes are right; says whether they are."""
        if key and key not in self.keys:
            self.locked[name.path] = key
            return False
        pieces = self.keys.open(key, name.path, pieces) if key else pieces
        partial = os.path.join(self.root, ".part") if self.root else os.devnull
        summing = hashlib.sha256()
        with open(partial, "wb") as out:
            try:
                for piece in pieces:
                    summing.update(piece)
                    out.write(piece)
            except ValueError:  # not what was encrypted
                return False
        if summing.hexdigest() != sha256:
            return False
        self.have[name.path] = name
        if self.root:
            os.makedirs(os.path.dirname(self.target(name.path)), exist_ok=True)
            os.replace(partial, self.target(name.path))
        return True


class Reader:
    """Goes through tape files and remembers what they say."""

    def __init__(self, store):
        self.store, self.wrong, self.torn = store, [], []
        self.expected, self.papers, self.damaged, self.spoiled = {}, [], {}, {}

    def file(self, label, source, reopen=None):
        """Reads one tape file to its end; false if there is none, None if the drive failed in it."""
        try:
            first = source()
            return bool(first) and self.contents(label, Blocks(source, first), reopen)
        except OSError as error:
            self.wrong.append(f"{label}: {error}")
            return None

    def contents(self, label, blocks, reopen):
        members = Members(blocks)
        try:
            for member in members:
                self.member(label, members.opening, *member)
        except Short:
            self.torn.append(f"{label}: torn: an interrupted file; what it lacks stands elsewhere")
        except Bad as error:
            self.wrong.append(f"{label}: {error}")
            said = members.opening or {}
            if reopen:
                self.damaged[said.get("HOLDFAST.volume"), said.get("HOLDFAST.file")] = reopen
        while not blocks.ended and blocks.source():  # the filling, or what cannot be read
            pass
        return True

    def member(self, label, opening, path, name, length, sha256, key, pieces):
        if name:
            good = self.store.put(name, sha256, key, pieces)
            if not good and path not in self.store.locked:
                self.spoiled[path] = f"{label}: {path} is damaged"
            return
        if path in ("LABEL.json", "SET.json", "SEAL.json"):
            data = b"".join(pieces)
            if hashlib.sha256(data).hexdigest() != sha256:
                self.wrong.append(f"{label}: {path} is damaged")
            else:
                self.papers.append((label, path, json.loads(data)))
        elif LISTS.fullmatch(path):
            try:
                rows = self.rows(pieces, sha256)
            except (Bad, ValueError, KeyError, TypeError) as error:
                self.wrong.append(f"{label}: {path}: {error}")
                return
            volume = None if path.startswith("CATALOG/") else opening["HOLDFAST.volume"]
            for name, *row in rows:
                self.expected.setdefault(name.path, []).append((volume, *row))

    def rows(self, pieces, sha256):
        rows, rest, summing = [], b"", hashlib.sha256()
        for piece in pieces:
            summing.update(piece)
            lines = (rest + piece).split(b"\n")
            rest = lines.pop()
            if len(rest) > LINE or any(len(line) > LINE for line in lines):
                raise Bad("a row that is too long")
            rows.extend(self.row(line) for line in lines)
        if rest or summing.hexdigest() != sha256:
            raise Bad("is damaged")
        return rows

    def row(self, line):
        row = json.loads(line)
        name = Name(row["path"])
        if not re.fullmatch(HEX + "{64}", row["sha256"]):
            raise Bad("a row without a SHA-256")
        most = {"length": name.most, "file": 1 << 32, "block": 1 << 32, "offset": BLOCK}
        for field in most:
            if type(row[field]) is not int or not 0 <= row[field] <= most[field]:
                raise Bad(f"a row with a wrong {field}")
        at = row["block"] * BLOCK + row["offset"]
        return name, str(row["file"]), row["sha256"], row.get("key"), row["length"], at

    def repair(self):
        """Reads by its row what stands behind a damaged header, then says what is missing."""
        self.wrong += [why for path, why in self.spoiled.items() if path not in self.store.have]
        for path, rows in self.expected.items():
            if path in self.store.have or path in self.store.locked:
                continue
            name = Name(path)
            for volume, file, *row in rows:
                reopen = self.damaged.get((volume, file))
                if reopen and self.by_row(name, *row, reopen):
                    break
            else:
                self.wrong.append(f"{path} is in an index and could not be read")
        for key in sorted(set(self.store.locked.values())):
            self.wrong.append(f"encrypted: give what 'age -d KEYS/{key}.*.age' says with --key")

    def by_row(self, name, sha256, key, length, at, reopen):
        length = STORED(length) if key else length
        with reopen() as source:
            source.seek(at)
            starts = range(0, length, BLOCK)
            pieces = (source.read(min(BLOCK, length - start)) for start in starts)
            return self.store.put(name, sha256, key, pieces)


def dumped(path, reader):
    with open(path, "rb") as source:
        reader.file(path, lambda: source.read(BLOCK), lambda: open(path, "rb"))


def device(path, reader):
    """Reads a tape from its beginning; a tape file with nothing in it ends it."""
    import fcntl, struct  # only where there are tape devices

    handle = os.open(path, os.O_RDONLY)
    go = lambda way: fcntl.ioctl(handle, 0x40086D01, struct.pack("hi", way, 1))  # MTIOCTOP
    go(6)  # MTREW
    for number in range(1 << 32):
        told = reader.file(f"{path} file {number}", lambda: os.read(handle, BLOCK))
        if told is False:
            break
        if told is None:
            try:
                go(1)  # MTFSF
            except OSError:
                break


def read(sources, reader):
    for source in sources:
        if os.path.isdir(source):
            for path in sorted(os.listdir(source)):
                dumped(os.path.join(source, path), reader)
        elif stat.S_ISCHR(os.stat(source).st_mode):
            device(source, reader)
        else:
            dumped(source, reader)
    reader.repair()


def wanted(store, run, wrong):
    """The paths to keep: all of a repository without runs, else those of the run."""
    keep, repositories = set(), sorted({name.directory for name in store.have.values()})
    for directory in repositories:
        mine = [name for name in store.have.values() if name.directory == directory]
        runs = sorted(name.run for name in mine if name.run)
        if run == "all" or (not runs and run is None):
            keep.update(name.path for name in mine if not name.run)
            continue
        chosen = run or runs[-1]
        if chosen not in runs:
            wrong.append(f"{directory or 'the repository'} has no run {chosen}")
            continue
        listed = store.target(f"{directory}.holdfast/runs/{chosen}.list")
        with open(listed, encoding="ascii") as lines:
            for line in lines:
                path = directory + Name(line.rstrip("\n")).path
                if path in store.have:
                    keep.add(path)
                else:
                    wrong.append(f"{path} is of the run {chosen} and could not be read")
    return keep


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--to", metavar="DIRECTORY", help="an empty or new directory")
    parser.add_argument("--run", metavar="NAME", help="a run, or all")
    parser.add_argument("--key", metavar="FILE", action="append", default=[], help="an opened key")
    parser.add_argument("--list", action="store_true", help="only say what is there")
    parser.add_argument("sources", nargs="+", metavar="SOURCE")
    asked = parser.parse_args()
    if bool(asked.to) == asked.list:
        parser.error("say --list or --to DIRECTORY")
    if keys := asked.key:
        sys.path.append(os.path.dirname(os.path.abspath(__file__)))
        from decrypt import Keys  # it stands beside this script on tape
        keys = Keys(keys)
    if asked.to:
        os.makedirs(asked.to, exist_ok=True)
        if os.listdir(asked.to):
            parser.error(f"{asked.to} is not empty")
    with tempfile.TemporaryDirectory(dir=asked.to, prefix=".holdfast-") as place:
        reader = Reader(Store(place if asked.to else None, keys))
        read(asked.sources, reader)
        store = reader.store
        for label, path, paper in reader.papers:
            print(f"{label}: {path}: {json.dumps(paper)}")
        for directory in sorted({name.directory for name in store.have.values()}):
            mine = [name for name in store.have.values() if name.directory == directory]
            runs = " ".join(sorted(name.run for name in mine if name.run)) or "none"
            count = sum(1 for name in mine if not name.run)
            print(f"repository {directory or '.'}: {count} objects, runs: {runs}")
        keep = wanted(store, asked.run, reader.wrong) if asked.to else set()
        for path in sorted(keep):
            target = os.path.join(asked.to, *path.split("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.replace(store.target(path), target)
        sys.stderr.writelines(f"{line}\n" for line in reader.torn + reader.wrong)
        if asked.to:
            print(f"{len(keep)} objects written to {asked.to}")
    return 2 if asked.to and not keep else 1 if reader.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
