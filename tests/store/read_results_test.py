"""Results files as strangers read them: h5py, xarray over both engines, netCDF4, h5dump, ncdump, h5diff.

usage: read_results_test.py WRITE_SAMPLE MPIEXEC...      Exit code 77: the rest passed, but a tool is missing.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

import h5py
import netCDF4
import numpy as np
import xarray as xr

warnings.simplefilter("error")  # after the imports: from here on a reader's warning is a failure
warnings.filterwarnings("ignore", "String dimension length mismatch")  # the sample has room for longer texts than it holds

FILL = {"float32": np.nan, "float64": np.nan, "int32": -1, "uint8": 255, "|S1": b""}
POINTS, SEEDS, CLASSES = 3, 2, 5
ENGINES = ("h5netcdf", "netcdf4")


def value(cell):
    """sample_float of sample.cpp."""
    return np.float32(np.asarray(cell) * 7919 % 1024) / np.float32(1024)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stderr}"
    assert done.stderr == "", f"{command} complains: {done.stderr}"
    return done.stdout


def is_width(dataset):
    return dataset.attrs.get("NAME", b"").startswith(b"This is a netCDF dimension but not a netCDF variable")


def check_with_h5py(path):
    """Types, fills, attributes, filters, scales; returns the names of all variables by group."""
    names = {"/": set(), "input": set(), "hidden": set(), "statistics": set(), "evaluation": set()}
    with h5py.File(path) as file:
        assert file.attrs["layersweep_layout"] == 1 and file.attrs["complete"] == 1
        assert file.attrs["epsilon"] == 0.1
        assert file.attrs["experiment"].decode() == "[task]\nname = sst\n# naïve café\n"
        for group in names:
            assert file[group].id.get_create_plist().get_link_creation_order() & h5py.h5p.CRT_ORDER_TRACKED
            for name, dataset in file[group].items():
                if isinstance(dataset, h5py.Group) or is_width(dataset):
                    continue
                names[group].add(name)
                assert str(dataset.dtype) in FILL, (name, dataset.dtype)
                assert dataset.attrs["long_name"] and dataset.attrs["units"] == (b"s" if name == "seconds" else b"1"), name
                assert dataset.compression == "gzip" and dataset.shuffle, name
                fill = FILL[str(dataset.dtype)]
                np.testing.assert_equal(np.asarray(dataset.fillvalue), np.asarray(fill, dataset.dtype), name)
                coordinate = dataset.is_scale
                is_text = dataset.dtype == "S1"
                assert ("_FillValue" in dataset.attrs) != (coordinate or is_text), name
                if not coordinate and not is_text:
                    np.testing.assert_equal(dataset.attrs["_FillValue"], fill, name)
                    assert dataset.attrs["_FillValue"].dtype == dataset.dtype, name
                if not coordinate:
                    assert all(len(dimension) == 1 for dimension in dataset.dims), name
                if "flag_values" in dataset.attrs:
                    assert dataset.attrs["flag_values"].dtype == dataset.dtype, name
                    assert len(dataset.attrs["flag_values"]) == len(dataset.attrs["flag_meanings"].split()), name
        assert file["input/keep_probability"].chunks[:2] == (1, 1)
    return names


def check_with_xarray(path, engine, names):
    with xr.open_dataset(path, engine=engine) as root:
        assert set(root.variables) == names["/"], set(root.variables) ^ names["/"]
        tokens = root.sizes["token"]
        assert list(root.seed.values) == [11, 42] and root.seed.dtype == "int32"
        assert list(root.point.values) == [0, 1, 2]
        assert list(root.point_name.values) == ["embeddings", "layer 1 input", "façade"]
        assert list(root.token_text.values[:3]) == ["Ġ0", "##1", "Ġ2"]
        assert list(root.example_id.values[:2]) == ["task/dev/0", "task/dev/1"]
        np.testing.assert_array_equal(root.token_start, np.r_[0, np.cumsum(root.token_count)[:-1]])
        assert root.token_count.sum() == tokens and root.token_count.attrs["sample_dimension"] == "token"
        if "logits" in root:
            np.testing.assert_array_equal(root.logits, value(np.arange(root.logits.size).reshape(-1, CLASSES)))
            np.testing.assert_array_equal(root.prediction, np.arange(root.sizes["example"]) % 2)
        else:
            np.testing.assert_array_equal(root.start_logits, value(np.arange(tokens)))
            assert np.isnan(root.prediction).all()
        if "token_sentiment" in root:
            sentiment = np.arange(tokens) % 6 - 1.0
            np.testing.assert_array_equal(root.token_sentiment, np.where(sentiment < 0, np.nan, sentiment))
    for mode in ("input", "hidden"):
        with xr.open_dataset(path, engine=engine, group=mode) as group:
            assert set(group.variables) == names[mode], set(group.variables) ^ names[mode]
            mask = group.keep_probability
            assert mask.dims == ("seed", "point", "token") and mask.dtype == "float32"
            cells = np.arange(SEEDS)[:, None, None] * 1000 + np.arange(POINTS)[:, None] * 100 + np.arange(tokens)
            expected = value(cells)
            if mode == "hidden":
                expected[1, 0] = np.nan
            np.testing.assert_array_equal(mask, expected)
            np.testing.assert_array_equal(group.chosen_seed, [0, 1 if mode == "hidden" else np.nan, 0])
            assert np.isnan(group.flipped.values[1, 0]).all() == (mode == "hidden")
            if mode == "input":
                assert list(group.step.values) == [100, 250]
    with xr.open_dataset(path, engine=engine, group="statistics") as group:
        assert set(group.variables) == names["statistics"], set(group.variables) ^ names["statistics"]
        assert group["mean"].dims == ("point", "token_part", "hidden") and group["mean"].shape == (POINTS, 5, 64)
        assert list(group["quantile"].values) == [0, 0.5, 1] and group["quantile"].dtype == "float64"
        assert list(group["token_part"].values) == [0, 1, 2, 3, 4] and group["token_part"].dtype == "int32"
        np.testing.assert_array_equal(group["mean"].sel(point=2, token_part=1)[:3], [-11, -10, np.nan])
    with xr.open_dataset(path, engine=engine, group="evaluation") as group:
        assert set(group.variables) == names["evaluation"], set(group.variables) ^ names["evaluation"]
        assert list(group["share"].values) == [0.1, 0.5] and group["share"].dtype == "float64"
        assert group["sufficiency"].dims == ("method", "point", "share") and group["seconds"].dtype == "float32"
    with xr.open_datatree(path, engine=engine) as tree:  # groups inherit the coordinates of the root
        assert float(tree["statistics"].ds.cka.sel(point=1, point_other=2)) == 0.75
        assert tree["explain/random"].ds.attribution.dims == ("point", "token")
        assert float(tree["input"].ds.kl_mean.sel(seed=42, point=2)) == np.float32(0.01)


def check_with_netcdf4(path, names):
    with netCDF4.Dataset(path) as file:
        assert {"example", "token", "point", "seed"} <= set(file.dimensions)
        for group, wanted in names.items():
            here = file if group == "/" else file[group]
            assert set(here.variables) == wanted, set(here.variables) ^ wanted
            for variable in here.variables.values():
                variable[...]
        assert file["hidden"]["keep_probability"][1, 0].mask.all() or np.isnan(file["hidden"]["keep_probability"][1, 0]).all()


def groups_of(path):
    groups = ["/"]
    with h5py.File(path) as file:
        file.visititems(lambda name, item: groups.append(name) if isinstance(item, h5py.Group) else None)
    return groups


def check_the_way_back(path, engine, groups, copy):
    """What xarray reads it can write, with either engine: cells, attributes and types stay."""
    for group in groups:
        with xr.open_dataset(path, engine=engine, group=group) as read:
            for writer in ENGINES:
                read.to_netcdf(copy, engine=writer)
                for reader in ENGINES:
                    with xr.open_dataset(copy, engine=reader) as again:
                        xr.testing.assert_identical(read, again)
                        for name, variable in read.variables.items():
                            types = variable.encoding["dtype"], again[name].encoding["dtype"]
                            assert types[0] == types[1], (group, name, types)
        with xr.open_dataset(path, engine=engine, group=group, mask_and_scale=False) as read:
            for variable in read.coords.values():
                variable.encoding["_FillValue"] = None  # else xarray gives real numbers one of its own
            read.to_netcdf(copy, engine=engine)
            with xr.open_dataset(copy, engine=engine, mask_and_scale=False) as again:
                xr.testing.assert_identical(read, again)


def check_with_tools(path, names, missing):
    for tool in ("h5dump", "ncdump"):
        if shutil.which(tool) is None:
            missing.add(tool)
            continue
        text = run(tool, str(path))
        for name in set().union(*names.values()):
            assert name in text, f"{tool} does not show {name}"


def main():
    write_sample, *mpiexec = sys.argv[1:]
    missing = set()
    with tempfile.TemporaryDirectory() as folder:
        for task in ("sst", "squad", "counting"):
            one, many = pathlib.Path(folder, f"{task}-1.h5"), pathlib.Path(folder, f"{task}-3.h5")
            run(write_sample, task, str(one))
            subprocess.run([*mpiexec, "3", write_sample, task, str(many)], check=True, timeout=120)
            for path in (one, many):
                names = check_with_h5py(path)
                for engine in ENGINES:
                    check_with_xarray(path, engine, names)
                check_with_netcdf4(path, names)
                check_with_tools(path, names, missing)
            for engine in ENGINES:  # beyond the root the files of tasks have the same variables
                groups = groups_of(one) if task == "sst" else ["/"]
                check_the_way_back(one, engine, groups, pathlib.Path(folder, "copy.nc"))
            if shutil.which("h5diff"):
                run("h5diff", "--quiet", str(one), str(many))  # exit code 1 where anything differs
            else:
                missing.add("h5diff")
    if missing:
        print("not found, so not checked:", ", ".join(sorted(missing)))
        sys.exit(77)


main()
