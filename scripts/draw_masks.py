#!/usr/bin/env python3
"""Draws the masks of one text across layers as an SVG: a row per probe point, a column per token, darker = kept.

    .deps/venv/bin/python scripts/draw_masks.py runs/sst-minilm/results.h5 --mode hidden --example sst/dev/5 --out masks.svg

Needs h5py and numpy only. The probe seed of each point is the chosen one; where none was accepted, the first, in grey.
"""
import argparse
import html

import h5py
import numpy as np


def text(cells):
    """A row of a character matrix."""
    return b"".join(cells).rstrip(b"\0").decode("utf-8")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("results")
    p.add_argument("--mode", default="hidden", choices=["input", "hidden"])
    p.add_argument("--example", required=True, help="example_id, e.g. sst/dev/5")
    p.add_argument("--out", required=True)
    a = p.parse_args()

    with h5py.File(a.results) as f:
        ids = [text(row) for row in f["example_id"][:]]
        if a.example not in ids:
            p.error(f"{a.results} has no example {a.example}; the first is {ids[0]}")
        e = ids.index(a.example)
        start, count = int(f["token_start"][e]), int(f["token_count"][e])
        tokens = [text(row) for row in f["token_text"][start:start + count]]
        names = [text(row) for row in f["point_name"][:]]
        chosen = f[a.mode]["chosen_seed"][:]
        keep = np.stack([f[a.mode]["keep_probability"][max(int(s), 0), k, start:start + count] for k, s in enumerate(chosen)])
        kl = [float(f[a.mode]["kl"][max(int(s), 0), k, e]) for k, s in enumerate(chosen)]

    width, height, left, top = 34, 24, 130, 78
    total_w, total_h = left + width * count + 70, top + height * len(names) + 12
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{total_w}" height="{total_h}" '
           f'font-family="sans-serif" font-size="12" role="img">',
           f"<title>Tokens kept at each layer ({a.mode} mode)</title>",
           f'<rect width="{total_w}" height="{total_h}" fill="white"/>']
    for t, token in enumerate(tokens):
        x = left + width * t + width / 2
        out.append(f'<text x="{x}" y="{top - 8}" transform="rotate(-45 {x} {top - 8})">{html.escape(token)}</text>')
    out.append(f'<text x="{left + width * count + 8}" y="{top - 8}" fill="#666">KL</text>')
    for k, name in enumerate(names):
        y = top + height * (len(names) - 1 - k)  # the last layer on top
        colour = "#1f4e8c" if chosen[k] >= 0 else "#888888"
        out.append(f'<text x="{left - 8}" y="{y + 16}" text-anchor="end">{html.escape(name)}</text>')
        for t in range(count):
            out.append(f'<rect x="{left + width * t}" y="{y}" width="{width - 2}" height="{height - 2}" fill="{colour}" '
                       f'fill-opacity="{keep[k, t]:.2f}" stroke="#ccc"/>')
        out.append(f'<text x="{left + width * count + 8}" y="{y + 16}" fill="#666">{kl[k]:.2f}</text>')
    out.append("</svg>")
    with open(a.out, "w", encoding="utf-8") as stream:
        stream.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
