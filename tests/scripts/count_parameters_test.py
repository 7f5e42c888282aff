#!/usr/bin/env python3
"""scripts/count_parameters.py finds what takes too many parameters, in made-up sources.

    count_parameters_test.py COUNT_PARAMETERS
"""
import pathlib
import subprocess
import sys
import tempfile


def outcome(files):
    """Exit code and output for a folder with these files."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            file = pathlib.Path(folder, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        done = subprocess.run([sys.executable, sys.argv[1], folder], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


def function(name, parameters):
    list_ = ", ".join(f"const std::map<int, float>& p{p}" for p in range(parameters))
    return f"namespace n {{\nint {name}({list_}) {{\n  const auto twice = [](int a, int b) {{ return a + b; }};\n  return 1;\n}}\n}}\n"


def main():
    small = "".join(function(f"small{number}", number % 6) for number in range(200))  # 0 to 5 parameters

    code, said = outcome({"src/a/small.cpp": small})
    assert code == 0 and "200 functions" in said, said

    # One function of 7, in a source or in a header, in src or in jobs.
    for name in ("src/a/large.cpp", "src/a/large.hpp", "jobs/steps/large.cpp"):
        code, said = outcome({"src/a/small.cpp": small, name: "\n" + function("large", 7)})
        assert code == 1 and f"{name}:3: n::large takes 7" in said and "small" not in said.replace(name, ""), said
    code, said = outcome({"src/a/small.cpp": small, "src/a/six.cpp": function("six", 6)})
    assert code == 0, said

    # Two functions in 202 may take 6, three in 203 may not.
    six = "".join(function(f"six{number}", 6) for number in range(3))
    code, said = outcome({"src/a/small.cpp": small, "src/a/six.cpp": function("six0", 6) + function("six1", 6)})
    assert code == 0, said
    code, said = outcome({"src/a/small.cpp": small, "src/a/six.cpp": six})
    assert code == 1 and all(f"n::six{number} takes 6" in said for number in range(3)), said

    # Kernels are exempt; what only resembles them in name is not.
    large = function("large", 9)
    for name in ("src/model/kernels.hpp", "src/model/kernels_avx2.cpp", "src/model/product.cpp"):
        code, said = outcome({"src/a/small.cpp": small, name: large})
        assert code == 0, said
    for name in ("src/model/products.cpp", "src/a/kernels.cpp", "jobs/product.cpp"):
        code, said = outcome({"src/a/small.cpp": small, name: large})
        assert code == 1, said

    code, said = outcome({"src/a/notes.txt": "nothing"})
    assert code not in (0, None) and "no function" in said, said


if __name__ == "__main__":
    main()
