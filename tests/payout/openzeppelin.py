"""npm's @openzeppelin/merkle-tree without an install: packages fetched by pin, and one script.

The npm client fetches each package as a tarball (``npm pack``), its SHA-512 is compared with the
pin here, and it is unpacked under var/tools. No package's own scripts run. The pins are the
packages that the library loads, at the versions that it resolves to.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

# Name and version, and under it the SHA-512 of the tarball in Base64.
_PINS = """\
@openzeppelin/merkle-tree 1.0.8
E2c9/Y3vjZXwVvPZKqCKUn7upnvam1P1ZhowJyZVQSkzZm5WhumtaRr+wkUXrZVfkIc7Gfrl7xzabElqDL09ow==
@metamask/abi-utils 2.0.4
StnIgUB75x7a7AgUhiaUZDpCsqGp7VkNnZh2XivXkJ6mPkE83U8ARGQj5MbRis7VJY8BC5V1AbB1fjdh0hupPQ==
@metamask/utils 9.3.0
w8CVbdkDrVXFJbfBSlDfafDR6BAkpDmv1bC1UJVCoVny5tW2RKAdn9i68Xf7asYT4TnUhl/hN4zfUiKQq9II4g==
@metamask/superstruct 3.4.1
caTaaBUcwBGbUNf3r0uT48upX4nECRbKhQ9pPOfW4sIkfcIUUDV4S9DZxq/5fuNPVt5KWpyd5xIIz0sP+iWLlg==
pony-cause 2.1.11
M7LhCsdNbNgiLYiP4WjsfLUuFmCfnjdF6jKe2R9NKl4WFN+HZPGHJZ9lnLP7f9ZnKe3U9nuWD0szirmj+migUg==
@scure/base 1.2.6
g/nm5FgUa//MCj1gV09zTJTaM6KBAHqLN907YVQqf7zC49+DcO4B1so4ZX07Ef10Twr6nuqYEH9GEggFXA4Fmg==
@noble/hashes 1.8.0
jCs9ldd7NwzpgXDIf6P3+NrHh9/sD6CQdxHyjQI+h/6rDNo88ypBxxz45UDuZHz9r3tNz7N/VInSVoVdtXEI4A==
debug 4.4.3
RGwwWnwQvkVfavKVt22FGLw+xYSdzARwm0ru6DhTVA3umU5hZc28V3kO4stgYryrTlLpuvgI9GiijltAjNbcqA==
ms 2.1.3
6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA==
semver 7.8.6
9lpSSU4Mly3mrtruwLs1eLK6+gzbzqeBFwRNjIjE+9LuDpWdYctrQlQ3ej1Ilgi7gknpsTRnPoLP8DpCHqHIJw==
ethereum-cryptography 3.2.0
Urr5YVsalH+Jo0sYkTkv1MyI9bLYZwW8BENZCeE1QYaTHETEYx0Nv/SVsWkSqpYrzweg6d8KMY1wTjH/1m/BIg==
@noble/curves 1.9.0
7YDlXiNMdO1YZeH6t/kvopHHbIZzlxrCV9WLqCY6QhcXOoXiNCMDqJIglZ9Yjx5+w7Dz30TITFrlTjnRg7sKEg==
"""
_LINES = _PINS.splitlines()
PINS = {
    name: (version, digest)
    for (name, version), digest in zip(
        (line.split(" ") for line in _LINES[::2]), _LINES[1::2], strict=True
    )
}
VERSION = PINS["@openzeppelin/merkle-tree"][0]
FOLDER = Path(__file__).parents[2] / "var" / "tools" / f"merkle-tree-{VERSION}"

# Reads dumps, one a line; writes for each the root, whether it validates, and every proof.
SCRIPT = """
const { StandardMerkleTree } = require("@openzeppelin/merkle-tree");
const lines = require("fs").readFileSync(0, "utf8").split("\\n").filter((line) => line);
for (const line of lines) {
  const tree = StandardMerkleTree.load(JSON.parse(line));
  tree.validate();
  const values = [...tree.entries()].map(([, value]) => value);
  const built = StandardMerkleTree.of(values, ["address", "uint256"]);
  const proofs = values.map((value) => [value, tree.getProof(value)]);
  const verified = proofs.every(([value, proof]) => tree.verify(value, proof));
  const dump = JSON.stringify(built.dump());
  console.log(JSON.stringify({ root: tree.root, dump, verified, proofs }));
}
"""


def require_library():
    """The folder with node_modules, fetched once; without it the test is skipped, loudly."""
    folder, reason = _look()
    if folder is None:
        pytest.skip(f"NOT TESTED against npm's @openzeppelin/merkle-tree: {reason}")
    return folder


def load_dumps(dumps):
    """What the library says of each dump: root, its own dump, whether it verified, proofs."""
    folder = require_library()
    done = subprocess.run(
        ["node", "-e", SCRIPT],
        cwd=folder,
        input=b"\n".join(dump.strip() for dump in dumps),
        capture_output=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode()[-2000:])
    return [json.loads(line) for line in done.stdout.splitlines()]


@functools.cache
def _look():
    """The folder and no reason, or no folder and the reason; asked once in a run of the tests."""
    if shutil.which("node") is None:
        return None, "node is not installed"
    if (FOLDER / "node_modules").is_dir():
        return FOLDER, ""
    npm = shutil.which("npm")
    if npm is None:
        return None, "the npm client, which fetches it, is not installed"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as scratch:
        return _fetch(npm, Path(scratch))


def _fetch(npm, scratch):
    wanted = [f"{name}@{version}" for name, (version, _) in PINS.items()]
    command = [npm, "pack", "--json", "--ignore-scripts", "--fetch-retries=1", *wanted]
    try:
        packed = subprocess.run(
            command, cwd=scratch, capture_output=True, text=True, timeout=180, check=False
        )
    except subprocess.TimeoutExpired:
        return None, "npm pack took more than three minutes"
    if packed.returncode != 0:
        return None, f"npm pack failed: {packed.stderr.strip()[-200:]}"
    for name, (version, pin) in PINS.items():
        plain = f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"
        _unpack(scratch / plain, pin, scratch / "node_modules" / name)
    try:
        (scratch / "node_modules").rename(FOLDER / "node_modules")
    except OSError:
        # Another test process was first, with the same bytes.
        if not (FOLDER / "node_modules").is_dir():
            raise
    return FOLDER, ""


def _unpack(tarball, pin, target):
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if digest != pin:
        raise AssertionError(f"{tarball.name} has sha512 {digest}, the pin is {pin}")
    with tarfile.open(tarball) as archive:
        for member in archive.getmembers():
            # Every package has one top folder, of any name.
            inside = member.name.partition("/")[2]
            if not member.isfile() or ".." in Path(inside).parts:
                continue
            path = target / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.extractfile(member).read())
