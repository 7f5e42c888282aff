#!/usr/bin/env python3
"""Counts the parameters of every function of src and jobs, with lizard: .deps/venv/bin/python scripts/count_parameters.py [FOLDER]

Exit code 1 where a function takes more than 6, or more than one function in a hundred more than 5; those are named. FOLDER
holds src and jobs; without it, the repository. Kernels are exempt: their operands are plain pointers and numbers.

lizard sees what has a body: no pure declarations, no lambdas, no types of functions. It does not count a last parameter
without a name, nor a void*.
"""
import fnmatch
import math
import pathlib
import sys

MOST, USUAL = 6, 5  # of any function; of 99 in a hundred
KERNELS = ("src/model/kernels*", "src/model/product.*")


def functions_of(folder):
    """(parameters, place, name) of each definition."""
    import lizard

    for top in ("src", "jobs"):
        for file in sorted((folder / top).rglob("*.[chi]*")):
            name = file.relative_to(folder).as_posix()
            if file.suffix not in (".cpp", ".hpp") or any(fnmatch.fnmatch(name, kernel) for kernel in KERNELS):
                continue
            for function in lizard.analyze_file(str(file)).function_list:
                yield function.parameter_count, f"{name}:{function.start_line}", function.name


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1])
    functions = sorted(functions_of(folder), reverse=True)
    if not functions:
        sys.exit(f"no function found in {folder}/src and {folder}/jobs")
    # The smallest number that 99 % of the functions do not exceed.
    percentile = functions[len(functions) - math.ceil(0.99 * len(functions))][0]
    over = [one for one in functions if one[0] > MOST]
    shown = [one for one in functions if one[0] > USUAL] if percentile > USUAL else over
    for parameters, place, name in shown:
        print(f"{place}: {name} takes {parameters} parameters")
    print(f"{len(functions)} functions; the most parameters of one: {functions[0][0]} (limit {MOST}); 99th percentile: "
          f"{percentile} (limit {USUAL}); over {MOST}: {len(over)}, over {USUAL}: {sum(one[0] > USUAL for one in functions)}")
    sys.exit(1 if over or percentile > USUAL else 0)


if __name__ == "__main__":
    main()
