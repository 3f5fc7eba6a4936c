#!/usr/bin/env python3
"""A second decoder of .dfc files, written from format.md, for people who read that text.

    python3 codec-spec/decoder.py FILE.dfc [-o out.png|.ppm|.pam] [--prior WEIGHTS ..]
    python3 codec-spec/decoder.py --check codec-spec/files/files.json
    python3 codec-spec/decoder.py --self-test

It follows the text clause by clause, in the order of its clauses, in the reference arithmetic.
It shows what the file's own prior predicts (clauses 17 and 18.1 to 18.5). It is slow: seconds
for small pictures. It needs Python 3.11 and numpy. Weights are looked for in models/ too.
"""
import argparse, functools, glob, hashlib, heapq, json, math, multiprocessing, os, struct, sys, zlib
from fractions import Fraction
import numpy as np

f32, f64, u64 = np.float32, np.float64, np.uint64
M32, M64, GOLDEN = 2**32 - 1, 2**64 - 1, 0x9E3779B97F4A7C15
HERE = os.path.dirname(os.path.abspath(__file__))


class Refused(Exception):
    """Why bytes are refused (21.3): the kind is the name of the class."""

    def __init__(self, clause, reason, at=0):
        super().__init__(clause, reason, at)
        self.kind, self.clause, self.at = type(self).__name__.lower(), clause, at

    def __str__(self):
        clause, reason, at = self.args
        return f"{type(self).__name__} ({clause}) at {at}: {reason}"


class Malformed(Refused): pass
class Damaged(Refused): pass
class Cut(Refused): pass
class Unsupported(Refused): pass
class Limit(Refused): pass


class End(Exception):
    """The file ends here (7.4): no error but in the header (8.1)."""


# ------------------------------------------------------------------ 1 Definitions and notation

class Reader:
    """The bytes from `at` on; `checked` is the end of the check before (7.1)."""

    def __init__(self, data):
        self.data, self.at, self.checked = data, 0, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise End
        self.at += n
        return self.data[self.at - n:self.at]

    def byte(self):
        return self.take(1)[0]

    def varint(self):
        """1.2"""
        value, start = 0, self.at
        for i in range(10):
            byte = self.byte()
            value |= (byte & 127) << 7 * i
            if i == 9 and byte > 1:
                raise Malformed("1.2", "a number of more than 64 bits", start)
            if byte < 128:
                if byte == 0 and i:
                    raise Malformed("1.2", "a number not in its shortest form", start)
                return value

    def check(self, what):
        """7.1: the low 16 bits of the CRC-32 of all bytes since the check before."""
        covered = self.data[self.checked:self.at]
        stored = int.from_bytes(self.take(2), "little")
        if stored != zlib.crc32(covered) & 0xFFFF:
            raise Damaged("7.1", f"the check of {what} is wrong", self.at - 2)
        self.checked = self.at


def mirror(i, n):
    """1.6, of an array of indices"""
    j = i % max(2 * n - 2, 1)
    return np.where(j < n, j, 2 * n - 2 - j)


def accumulate(acc, terms):
    """1.3: acc = fma(a, b, acc) for each of the terms (a, b) in turn, rounded once each to f32.
    All are f32 values held as f64, where a b is exact."""
    acc = np.array(acc)
    product, total, low = np.empty_like(acc), np.empty_like(acc), np.empty(acc.shape, u64)
    bits, halfway, rounded = total.view(u64), np.empty(acc.shape, bool), np.empty(acc.shape, f32)
    for a, b in terms:
        np.multiply(a, b, out=product)
        np.add(product, acc, out=total)
        # Rounded to f64 the sum may lie halfway between two numbers of f32 without being there.
        # (Results below 2^-126 in magnitude, where f32 has fewer bits, do not occur here.)
        np.equal(np.bitwise_and(bits, u64(2**29 - 1), out=low), u64(2**28), out=halfway)
        at = halfway.ravel().nonzero()[0]
        if len(at):
            p, s, c = product.take(at), total.take(at), acc.take(at)
            back = s - p
            lost = (p - (s - back)) + (c - back)
            total.put(at, np.where(lost == 0, s, np.nextafter(s, np.copysign(np.inf, lost))))
        np.copyto(rounded, total, casting="same_kind")
        np.copyto(acc, rounded)
    return acc.astype(f32)


# --------------------------------------------------------------- 3 to 8 Header, parts, layers

class Layer:
    """5: `code` is the layer's sigma code, `stages` T, `allotment` A_g, `body` what has come."""

    def __init__(self, number, code, stages, allotment, corrected, offset=0, body=b""):
        self.number, self.code, self.stages, self.allotment = number, code, stages, allotment
        self.corrected, self.offset, self.body = corrected, offset, body

    def arrived(self):
        """The stages whose bits have come (18); a layer of all is whole."""
        return min(2 * len(self.body), self.stages)


class File:
    """The units of a file or of a prefix. `parts` are pairs of name and payload; `cut` is that of
    a part in which the file ends, which is in `parts` too if clause 8.2 has a use for it."""

    def __init__(self, data, pixels=10**8):
        self.layers, self.parts, self.cut, self.ended = [], [], None, False
        r = Reader(data)
        try:
            self.header(r, pixels)
        except End:
            raise Cut("8.1", "the file ends inside the header", len(data)) from None
        try:
            while not self.ended:
                self.unit(r)
        except End:
            pass

    def header(self, r, pixels):
        """3"""
        for i, byte in enumerate(b"\x89DF"):
            if r.byte() != byte:
                raise Malformed("3.1", "not a .dfc file", i)
        if r.byte() != 1:
            raise Unsupported("3.2", f"version {r.data[3]}", 3)
        flags = r.byte()
        width_at, self.w, self.h = r.at, r.varint(), r.varint()
        self.prior = r.take(4)
        seed_at, self.seed = r.at, r.varint() if flags >> 5 & 1 else 0
        start = r.byte()
        r.check("the header")
        if flags >> 3 & 3 == 3:
            raise Unsupported("3.10", "trellis 3", 4)
        if not (1 <= self.w <= 2**20 and 1 <= self.h <= 2**20):
            clause = "3.4" if not 1 <= self.w <= 2**20 else "3.5"
            raise Malformed(clause, "a side of no or too many pixels", width_at)
        if flags >> 5 & 1 and self.seed == 0:
            raise Malformed("3.7", "a seed of 0", seed_at)
        if start > 200:
            raise Malformed("3.8", f"start {start}", r.at - 3)
        if self.w * self.h > pixels:
            raise Limit("21.5", f"more than {pixels} pixels", width_at)
        self.rgb, self.has_alpha, self.deep = flags & 1, flags >> 1 & 1, flags >> 2 & 1
        self.nu, self.bands = 12 + 2 * (flags >> 3 & 3), flags >> 6 & 1
        self.corrections, self.start, self.code = flags >> 7, 2 * start, 2 * start
        self.W, self.H = max(self.w, 16), max(self.h, 16)
        self.D, self.channels = 3 * self.W * self.H, 3 if self.rgb else 1
        self.allotment = [44, 43, 41, 39, 36, 32, 33, 15] if self.rgb else \
            [44, 43, 41, 39, 36, 32, 0, 0]                                               # 5.8

    def unit(self, r):
        """2.1"""
        tag = r.byte()
        if tag == 0:
            r.check("the end marker")                                                    # 6
            if self.has_alpha and "ALPH" not in self.names():
                raise Malformed("4.8", "the announced ALPH is missing", r.at - 3)
            self.ended = True
        elif chr(tag).isascii() and chr(tag).isalpha():
            self.part(r, tag)
        elif tag > 128:
            self.layer(r, tag)
        else:
            raise Malformed("2.1", f"no unit begins with {tag:#04x}", r.at - 1)

    def names(self):
        return [name for name, _ in self.parts]

    def part(self, r, first):
        """4"""
        at, name = r.at - 1, bytes([first])
        for _ in range(3):
            name += r.take(1)
            if not name.isalpha():
                raise Malformed("2.1", f"the name {name}", at)
        n = r.varint()
        r.check("the head of a part")
        name = name.decode()
        pixels = self.w * self.h
        limits = {"SPAN": 4, "rest": pixels * self.channels * (1 + self.deep) + 16,
                  "iccp": 2**24, "exif": 2**24, "xmpp": 2**24}
        limit = limits.get(name, pixels + pixels // 16 + 4096)                           # 4.7
        if name in ("ALPH", "ALPL", "SPAN", "rest"):
            self.judge_place(name, at)
            if n > limit or name == "SPAN" and n < 4:
                raise Malformed("4.13" if name == "SPAN" else "4.7", f"{name} of {n} bytes", at)
        elif name[0].isupper():
            raise Unsupported("4.5", f"the critical part {name}", at)
        payload = r.data[r.at:r.at + n]
        if r.at + n + 2 > len(r.data):
            self.cut = (name, payload)
            if name in ("ALPH", "ALPL", "rest"):                                         # 8.2, 8.3
                self.parts.append((name, payload))
            raise End
        r.take(n)
        if n == 0:
            if r.take(2) != b"\0\0":                                                     # 7.1
                raise Damaged("7.1", f"the check of {name} is wrong", r.at - 2)
            r.checked = r.at
        else:
            r.check(name)
        if n <= limit:                                                                   # 4.9
            self.parts.append((name, payload))

    def judge_place(self, name, at):
        """4.7, 4.8, 4.12"""
        before = self.names()
        if name in ("ALPH", "ALPL"):
            if name in before:
                raise Malformed("4.8", f"a second {name}", at)
            if not self.has_alpha or name == "ALPL" and not self.deep:
                raise Malformed("4.8", f"{name} without its flag", at)
            if name == "ALPL" and "ALPH" not in before:
                raise Malformed("4.8", "ALPL before ALPH", at)
            if "rest" in before:
                raise Malformed("4.8", f"{name} behind rest", at)
        elif name == "SPAN" and (self.layers or name in before or not self.deep):
            raise Malformed("4.13", "SPAN out of place", at)
        elif name == "rest":
            if name in before:
                raise Malformed("4.12", "a second rest", at)
            if self.has_alpha and "ALPH" not in before:
                raise Malformed("4.8", "rest before the announced ALPH", at)

    def layer(self, r, tag):
        """5"""
        at, number = r.at - 1, len(self.layers)
        if "rest" in self.names():
            raise Malformed("4.12", "a layer behind rest", at)
        delta, corrected = tag - 128, 0
        if self.corrections:
            delta, corrected = tag & 63, tag >> 6 & 1
            if delta == 0 or corrected and number < 2:
                raise Malformed("5.9", "a tag without a step or a correction too early", at)
        if self.code < delta:
            raise Malformed("5.5", "a sigma code below 0", at)
        stages = r.varint()
        changed, stages = (stages & 1, stages >> 1) if self.bands else (0, stages)
        allotment = list(self.allotment)
        if changed:                                                                      # 5.8
            change = r.take(4)
            for g in range(8):
                d = change[g // 2] >> 4 if g % 2 == 0 else change[g // 2] & 15
                allotment[g] = min(max(allotment[g] + d - 8, 0), 95)
        if r.at - r.checked >= 1024:                                                     # 5.3
            r.check("a layer")
        if stages > min(self.D, M32):
            raise Malformed("5.2", f"{stages} stages", at + 1)
        self.code, self.allotment = self.code - delta, allotment
        self.layers.append(Layer(number, self.code, stages, allotment, corrected, at))
        n = (stages + 1) // 2
        self.layers[-1].body = r.data[r.at:r.at + n]                                     # 5.6, 8.2
        r.take(n)

    def first(self, name, usable=lambda payload: payload):
        """What `usable` makes of the first usable part of a name; None without one."""
        found = (usable(payload) for other, payload in self.parts if other == name)
        return next((value for value in found if value is not None), None)

    def metadata(self, name):
        """4.10"""
        def unpack(payload):
            data = payload[1:]
            if payload[:1] == b"\1":
                inflate = zlib.decompressobj(-15)
                try:
                    data = inflate.decompress(data, 2**24 + 1)
                except zlib.error:
                    return None
                if not inflate.eof:
                    return None
            return data if payload[:1] in (b"\0", b"\1") and 0 < len(data) <= 2**24 else None
        return self.first(name, unpack)

    def span(self):
        """4.13"""
        a, b = struct.unpack("<HH", self.first("SPAN") or b"\0\0\xff\xff")
        low = min(a, 65534)
        return (low, min(low + 1 + b, 65535)) if self.deep else (0, 255)


# ------------------------------------------------------------------------ 9 Shared generator

def mix(z):
    """9.1, of a number or of an array of u64"""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & M64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & M64
    return z ^ (z >> 31)


def shared(seed, layer, n):
    """9.1: v_0 .. v_(n-1)"""
    key = mix(mix(seed + GOLDEN & M64) + layer & M64)
    return mix(np.arange(1, n + 1, dtype=u64) * u64(GOLDEN) + u64(key))


# ------------------------------------------------------------------------------- 10 Rotation

class Rotation:
    """10.2 to 10.7, of D values; r are their signs as numbers 0 and 1."""

    def __init__(self, D, r):
        self.D, self.flip = D, np.where(r, f32(-1), f32(1))
        R = 16 if D >= 2**20 else 1
        N = D // R
        S = max(N * GOLDEN >> 64, 1)
        while math.gcd(S, N) > 1:
            S += 1
        j = np.arange(D)
        self.place = np.where(j < R * N, R * (j // R * S % max(N, 1)) + j % R, j)        # P(j)
        self.blocks, at = [], 0                                                          # 10.3
        while at < D:
            n = min(65536, 1 << (D - at).bit_length() - 1)
            self.blocks.append((at, n))
            at += n

    def transform(self, y, factor):
        """Each block of n values, times f32(factor / sqrt(n)). 10.7: in f32"""
        y = y.astype(f32)
        for at, n in self.blocks:
            block, d = y[at:at + n], 1
            while d < n:
                pairs = block.reshape(-1, 2, d)
                a, b = pairs[:, 0].copy(), pairs[:, 1].copy()
                pairs[:, 0], pairs[:, 1] = a + b, a - b
                d *= 2
            block *= f32(factor / math.sqrt(n))
        return y

    def forward(self, x):
        """10.4"""
        return self.transform(self.flip * x[self.place], 1.0)

    def inverse(self, y, factor):
        """10.5, 10.6"""
        x = np.empty(self.D, f32)
        x[self.place] = self.flip * self.transform(y, factor)
        return x


COLOURS = [[1 / math.sqrt(3)] * 3, [1 / math.sqrt(2), 0.0, -1 / math.sqrt(2)],
           [1 / math.sqrt(6), -2 / math.sqrt(6), 1 / math.sqrt(6)]]                      # 10.8


class Bands:
    """10.8 and 10.9"""

    def __init__(self, W, H):
        self.L = min(5, int(math.log2(max(1, min(W, H) // 16))))
        self.sizes = [(-(-H >> l), -(-W >> l)) for l in range(self.L + 1)]
        L, self.pieces = self.L, [[] for _ in range(8)]           # (colour, level, kind) of a band
        kinds = lambda c, levels: [(c, l, kind) for l in levels for kind in (1, 2, 3)]
        self.pieces[0] = [(0, L, 0)]
        for g in range(1, 6):
            self.pieces[g] = kinds(0, [6 - g] if 6 - g <= L else [])
        for c in (1, 2):
            self.pieces[6] += [(c, L, 0)] + kinds(c, range(L, 3, -1))
            self.pieces[7] += kinds(c, range(min(L, 3), 0, -1))
        self.counts = [sum(np.prod(self.shape(*piece[1:])) for piece in pieces)
                       for pieces in self.pieces]

    def shape(self, level, kind):
        """Rows and columns of the averages (0), or details across (1), down (2), both (3)."""
        if kind == 0:
            return self.sizes[level]
        h, w = self.sizes[level - 1]
        return (h // 2 if kind & 2 else (h + 1) // 2, w // 2 if kind & 1 else (w + 1) // 2)

    def split(self, x):
        """The values of each band of the planes x, in f32."""
        details = {}
        for c in range(3):
            plane = sum(f32(k) * p for k, p in zip(COLOURS[c], x))
            for level in range(1, self.L + 1):
                h, w, half = plane.shape[0] // 2, plane.shape[1] // 2, f32(math.sqrt(0.5))
                low, across, down, both = (np.empty(size, f32) for size in (
                    self.shape(level, 0), *(self.shape(level, kind) for kind in (1, 2, 3))))
                a, b = plane[0:2 * h:2, 0:2 * w:2], plane[0:2 * h:2, 1:2 * w:2]
                c_, d = plane[1:2 * h:2, 0:2 * w:2], plane[1:2 * h:2, 1:2 * w:2]
                low[:h, :w] = f32(0.5) * ((a + b) + (c_ + d))
                across[:h] = f32(0.5) * ((a - b) + (c_ - d))
                down[:, :w] = f32(0.5) * ((a + b) - (c_ + d))
                both[:] = f32(0.5) * ((a - b) - (c_ - d))
                if plane.shape[1] % 2:
                    a, b = plane[0:2 * h:2, -1], plane[1:2 * h:2, -1]
                    low[:h, w], down[:, w] = half * (a + b), half * (a - b)
                if plane.shape[0] % 2:
                    a, b = plane[-1, 0:2 * w:2], plane[-1, 1:2 * w:2]
                    low[h, :w], across[h] = half * (a + b), half * (a - b)
                if plane.shape[0] % 2 and plane.shape[1] % 2:
                    low[h, w] = plane[-1, -1]
                details.update({(c, level, 1): across, (c, level, 2): down, (c, level, 3): both})
                plane = low
            details[c, self.L, 0] = plane
        return [np.concatenate([details[piece].ravel() for piece in pieces] or [np.empty(0, f32)])
                for pieces in self.pieces]

    def add(self, x, bands, std):
        """10.9: x with std z added, z given by the values of the bands."""
        details, half = {}, f32(math.sqrt(0.5))
        for pieces, values in zip(self.pieces, bands):
            for piece in pieces:
                shape = self.shape(*piece[1:])
                details[piece] = values[:shape[0] * shape[1]].reshape(shape)
                values = values[shape[0] * shape[1]:]
        x = x.copy()
        for c in range(3):
            p = details[c, self.L, 0]
            for level in range(self.L, 0, -1):
                h, w = self.sizes[level - 1]
                h, w = h // 2, w // 2
                across, down, both = (details[c, level, kind] for kind in (1, 2, 3))
                out = np.empty(self.sizes[level - 1], f32)
                if out.shape[0] % 2:
                    out[-1, 0:2 * w:2] = half * (p[h, :w] + across[h])
                    out[-1, 1:2 * w:2] = half * (p[h, :w] - across[h])
                if out.shape[1] % 2:
                    out[0:2 * h:2, -1] = half * (p[:h, w] + down[:, w])
                    out[1:2 * h:2, -1] = half * (p[:h, w] - down[:, w])
                if out.shape[0] % 2 and out.shape[1] % 2:
                    out[-1, -1] = p[h, w]
                square, across, down = p[:h, :w], across[:h], down[:, :w]
                out[0:2 * h:2, 0:2 * w:2] = f32(0.5) * ((square + across) + (down + both))
                out[0:2 * h:2, 1:2 * w:2] = f32(0.5) * ((square - across) + (down - both))
                out[1:2 * h:2, 0:2 * w:2] = f32(0.5) * ((square + across) - (down + both))
                out[1:2 * h:2, 1:2 * w:2] = f32(0.5) * ((square - across) - (down - both))
                p = out
            for plane, k in zip(x, COLOURS[c]):
                plane += f32(std * k) * p
        return x


# -------------------------------------------------------------------------------- 11 Trellis

def codewords(body, stages, arrived, nu):
    """11.1: c_t of the stages that have come; 11.3: the others have 0."""
    words, state = np.zeros(max(stages, 1), u64), 0
    for t in range(arrived):
        if t % 1024 == 0:
            state = 0
        u = body[t // 2] >> 4 if t % 2 == 0 else body[t // 2] & 15                       # 5.6
        block = ((state * 0x9E3779B1 & M32) >> (36 - nu)) ^ \
            ((t * 0x9E3779B1 & M32) >> 7 & 2**(nu - 4) - 1)
        words[t] = block << 4 | u
        state = (state << 4 | u) & 2**nu - 1
    return words


def signs(v, words, nu):
    """11.2: for the positions of v; words are the codewords of their stages, in turn."""
    a = (v >> u64(64 - nu)) & np.resize(words, len(v))
    for shift in (8, 4, 2, 1):
        a = a ^ (a >> u64(shift))
    return np.where((v ^ a) & u64(1), f32(-1), f32(1))


def stages_of_bands(A, q, T, D):
    """11.5: T_g of each band, and the band of each stage."""
    E, m = [27, 12, 6, 1, -5, -9, 8, -15], [16, 19, 23, 27]
    weights = []
    for g in range(8):
        C = min(max(A[g] + E[g] * (min(max(q, 100), 320) - 180) // 140, 1), 95)
        weights.append(int(D[g]) * m[C % 4] << C // 4 if A[g] else 0)
    B = np.array([0] + weights, object).cumsum()
    if B[8] == 0:
        counts = [T] + [0] * 7
    else:
        counts = [int(T * B[g + 1] // B[8] - T * B[g] // B[8]) for g in range(8)]
    turns = [(Fraction(1, n), g, 0) for g, n in enumerate(counts) if n]
    heapq.heapify(turns)
    order = []
    for _ in range(T):
        _, g, j = turns[0]
        order.append(g)
        if j + 1 < counts[g]:
            heapq.heapreplace(turns, (Fraction(2 * j + 3, counts[g]), g, j + 1))
        else:
            heapq.heappop(turns)
    return counts, order


# --------------------------------------------------------- 12 Noise levels, steps, amplitude

O = [1.0, 1.0352649238413776, 1.0717734625362931, 1.109569472067845, 1.148698354997035,
     1.189207115002721, 1.2311444133449163, 1.2745606273192622, 1.3195079107728942,
     1.3660402567543954, 1.4142135623730951, 1.4640856959456254, 1.515716566510398,
     1.5691681957935015, 1.624504792712471, 1.681792830507429, 1.7411011265922482,
     1.8025009252216604, 1.8660659830736148, 1.9318726578496912]


def level(code):
    """12.1"""
    return O[code % 20] * 2.0**(code // 20) / 16


def amplitude(T, D, nu, most=math.inf):
    """12.5; `most` is 4 for a band"""
    return exp2(min(most, (4 * T) / ({12: 1.07, 14: 1.05, 16: 1.04}[nu] * D))) if T else 1.0


# ------------------------------------------------------------------------------ 13 The chain

class Chain:
    """x_t, x0_hat and sigma_t after the layers so far."""

    def __init__(self, file, prior):
        self.file, self.prior = file, prior
        self.x = self.x0 = np.zeros((3, file.H, file.W), f32)
        self.sigma, self.anchor, self.bands = math.inf, None, Bands(file.W, file.H)

    def signs(self, layer):
        """13.2, steps 1 and 2: what the bits say of the values of a layer, in groups: those of
        a band each, or all. Of a group: stages, those that have come, its rotation, signs."""
        file, counts, order = self.file, [layer.stages], None
        sizes = [int(n) for n in self.bands.counts] if file.bands else [file.D]
        if file.bands:
            counts, order = stages_of_bands(layer.allotment, layer.code, layer.stages, sizes)
        words = codewords(layer.body, layer.stages, layer.arrived(), file.nu)
        v, groups, at = shared(file.seed, layer.number, file.D), [], 0
        for g, (T, D) in enumerate(zip(counts, sizes)):
            own = [t for t, band in enumerate(order) if band == g] if order else range(T)
            come = sum(t < layer.arrived() for t in own)
            part, at = v[at:at + D], at + D
            y = signs(part, words[list(own)] if T else np.zeros(1, u64), file.nu)
            groups.append((T, come, Rotation(D, part >> u64(1) & u64(1)), y))
        return groups

    def step(self, x, z, rho, std):
        """13.2, step 4"""
        mean = self.x0 + f32(rho) * (x - self.x0)
        if self.file.bands:
            return self.bands.add(mean, z, std)
        return mean + f32(std) * z[0].reshape(mean.shape)

    def numbers(self, layer):
        """12.3, 12.4: sigma_s, rho, std"""
        s, r = level(layer.code), level(layer.code) / self.sigma
        return s, r * r, s * math.sqrt(1 - r * r)

    def amplitude(self, T, D):
        return amplitude(T, D, self.file.nu, 4 if self.file.bands else math.inf)

    def advance(self, layer, following):
        """13.2; `following` says if the next layer is corrected"""
        sigma, rho, std = self.numbers(layer)
        z = [turn.inverse(y, self.amplitude(T, turn.D)) for T, _, turn, y in self.signs(layer)]
        before = self.x
        self.x = self.step(before, z, rho, std)
        if self.file.corrections and layer.number and not layer.corrected:
            self.anchor = (half(before), half(self.x0), self.sigma)                      # 14.10
        self.sigma, self.shown = sigma, None
        if following:
            self.x0 = self.prior.correct(self)
        else:
            self.x0 = self.prior.predict(self.file, self.x, sigma)

    def part(self, layer):
        """18: the planes to show where `layer` has come in part, or not begun (None)."""
        corrected = layer is not None and layer.corrected
        h = self.prior.predict(self.file, self.x, self.sigma) if corrected else self.x0  # 18.1
        if layer is None or layer.arrived() == 0 or layer.stages < 64:
            return h
        sigma, rho, std = self.numbers(layer)
        m = (f32(1) - f32(rho)) * (self.x - self.x0) / f32(std)                          # 18.2
        m = self.bands.split(m) if self.file.bands else [m.ravel()]
        z, come = [], 0.0
        for values, (T, n, turn, y) in zip(m, self.signs(layer)):                        # 18.3
            rotated = turn.forward(values)
            told = np.arange(turn.D) % max(T, 1) < n
            rotated[told] = f32(self.amplitude(T, turn.D)) * y[told]
            z.append(turn.inverse(rotated, 1.0))
            come += turn.D * n / max(T, 1)                                               # 18.4
        x = self.step(self.x, z, rho, std)
        come /= self.file.D
        between = math.sqrt(come * sigma * sigma + (1 - come) * self.sigma * self.sigma)
        new = self.prior.predict(self.file, x, between)
        n, part = layer.arrived(), layer.arrived() / layer.stages                        # 18.5
        g = part + (1 - part) * n / (n + 256)
        return new - f32(1 - g) * (new - h)


def half(planes):
    """14.10: rounded to f16"""
    return np.clip(planes, -65504, 65504).astype(np.float16).astype(f32)


# ---------------------------------------------------------------------- 14 The prior's rules

class Prior:
    """The networks of a weights file, averaged over n orientations."""

    def __init__(self, weights, n):
        self.weights, self.n = weights, n

    def predict(self, file, x, sigma):
        """14.1 to 14.9"""
        H, W = x.shape[1:]
        f = 1                                                                            # 14.1
        while sigma > self.weights.sigma_max * f and min(W, H) >= 32 * f:
            f *= 2
        if f > 1:
            x = reduce(x, f)
        net = self.weights.network
        x = in_tiles([x], net.M, lambda planes: self.average(planes[0], sigma / f))
        if f > 1:
            x = enlarge(enlarge(x, f, W).swapaxes(1, 2), f, H).swapaxes(1, 2)
        return project(file, x)

    def average(self, x, sigma):
        """14.9"""
        if self.n == 1:
            return self.weights.network.denoise(x, sigma)
        total = np.zeros_like(x)
        for k in range(self.n):
            turned = orient(x, k)
            answer = self.weights.network.denoise(np.ascontiguousarray(turned), sigma)
            total = total + unorient(answer, k)
        return total * f32(1 / self.n)

    def correct(self, chain):
        """14.10"""
        net = self.weights.corrector
        if net is None:
            raise Unsupported("14.10", "the weights hold no corrector")
        before, h, sigma = chain.anchor
        planes = [chain.x, before, h]
        x = in_tiles(planes, net.M, lambda p: net.correct(*p, chain.sigma, sigma))
        return project(chain.file, x)


def reduce(x, f):
    """14.2"""
    rows = np.zeros((3, x.shape[1], -(-x.shape[2] // f)), f32)
    for i in range(f):
        column = x[:, :, i::f]
        rows[:, :, :column.shape[2]] += column
    sums = np.zeros((3, -(-x.shape[1] // f), rows.shape[2]), f32)
    for i in range(f):
        row = rows[:, i::f]
        sums[:, :row.shape[1]] += row
    sides = [np.minimum(f, n - f * np.arange(-(-n // f))) for n in x.shape[1:]]
    return sums / np.outer(*sides).astype(f32)


def cores(n):
    """14.3"""
    if n <= 1024:
        return [(0, n)]
    p = -(-n // 768)
    cuts = [-(-(n * i // p) // 64) * 64 for i in range(p)] + [n]
    return list(zip(cuts, cuts[1:]))


def in_tiles(planes, M, answer):
    """14.3 and 14.4"""
    H, W = planes[0].shape[1:]
    out = np.empty((3, H, W), f32)
    for top, bottom in cores(H):
        y0, y1 = max(top - 64, 0), min(bottom + 64, H)
        y = y0 + mirror(np.arange(-(-(y1 - y0) // M) * M), y1 - y0)
        for left, right in cores(W):
            x0, x1 = max(left - 64, 0), min(right + 64, W)
            x = x0 + mirror(np.arange(-(-(x1 - x0) // M) * M), x1 - x0)
            tile = answer([p[:, y[:, None], x] for p in planes])
            out[:, top:bottom, left:right] = tile[:, top - y0:bottom - y0, left - x0:right - x0]
    return out


def enlarge(x, f, n):
    """14.5, along rows: to n columns"""
    c = (np.arange(n) + 0.5) / f - 0.5
    b = np.floor(c)
    t = c - b
    at = [np.clip(b.astype(int) + k, 0, x.shape[2] - 1) for k in (-1, 0, 1, 2)]
    k = [w.astype(f32) for w in (((-0.5 * t + 1) * t - 0.5) * t, (1.5 * t - 2.5) * t * t + 1,
                                 ((-1.5 * t + 2) * t + 0.5) * t, (0.5 * t - 0.5) * t * t)]
    terms = [k[i] * x[:, :, at[i]] for i in range(4)]
    return ((terms[0] + terms[1]) + terms[2]) + terms[3]


def project(file, x):
    """14.6 to 14.8"""
    x = np.clip(x, f32(-127.5), f32(127.5))
    if not file.rgb:
        x = np.repeat((((x[0] + x[1]) + x[2]) / f32(3))[None], 3, axis=0)
    if file.w < 16 or file.h < 16:
        y, at = mirror(np.arange(file.H), file.h), mirror(np.arange(file.W), file.w)
        group = (y[:, None] * file.w + at).ravel()
        for c in range(3):
            sums = np.zeros(file.w * file.h, f32)
            np.add.at(sums, group, x[c].ravel())                          # one by one, in order
            means = sums / np.bincount(group).astype(f32)
            x[c] = means[group].reshape(x[c].shape)
    return x


def orient(x, k):
    """14.9: orientation k + 1 of the window x"""
    x = x[:, ::-1] if k % 4 in (1, 3) else x
    x = x[:, :, ::-1] if k % 4 in (1, 2) else x
    return x.swapaxes(1, 2) if k >= 4 else x


def unorient(x, k):
    x = x.swapaxes(1, 2) if k >= 4 else x
    x = x[:, ::-1] if k % 4 in (1, 3) else x
    return x[:, :, ::-1] if k % 4 in (1, 2) else x


# ---------------------------------------------------------------------------- 15 The network

def ln(x):
    """15.8"""
    m, n = math.frexp(x)
    m, n = (m * 2, n - 1) if m * 2 <= O[10] else (m, n)
    f = (m - 1) / (m + 1)
    s, p = f * f, 1 / 23
    for j in range(10, -1, -1):
        p = 1 / (2 * j + 1) + s * p
    return n * 0.6931471805599453 + (2 * f) * p


def sin_cos(x):
    """15.8"""
    n = math.floor(x * 0.6366197723675814 + 0.5)
    r = (x - n * 1.5707963267341256) - n * 6.077100506506192e-11
    s, sin, cos = r * r, 1.0, 1.0
    for k in range(8, 0, -1):
        sin = 1 - (s * sin) / (2 * k * (2 * k + 1))
        cos = 1 - (s * cos) / ((2 * k - 1) * (2 * k))
    sin = r * sin
    return [(sin, cos), (cos, -sin), (-sin, -cos), (-cos, sin)][n % 4]


def exp_series(r):
    p = 1.0
    for k in range(14, 0, -1):
        p = 1 + (r * p) / k
    return p


def exp(x):
    """15.8"""
    x = min(max(x, -700.0), 700.0)
    n = math.floor(x * 1.4426950408889634 + 0.5)
    r = (x - n * 0.6931471803691238) - n * 1.9082149292705877e-10
    return math.ldexp(exp_series(r), n)


def exp2(x):
    """15.8"""
    n = math.floor(x + 0.5)
    return math.ldexp(exp_series((x - n) * 0.6931471805599453), n)


def silu(values):
    """15.3"""
    return np.array([float(x) / (1 + exp(-float(x))) for x in values]).astype(f32)


def inputs_of(number):
    """15.3: the inputs of the embedding for sigma or g"""
    t = ln(number) / 4
    waves = [sin_cos(t * (k / 4 * math.pi)) for k in range(16)]
    return np.array([t] + [sin for sin, _ in waves] + [cos for _, cos in waves]).astype(f32)


def unshuffle(x):
    """15.4"""
    c, h, w = x.shape
    return x.reshape(c, h // 2, 2, w // 2, 2).transpose(0, 2, 4, 1, 3).reshape(-1, h // 2, w // 2)


def shuffle(x):
    c, h, w = x.shape
    return x.reshape(c // 4, 2, 2, h, w).transpose(0, 3, 1, 4, 2).reshape(c // 4, 2 * h, 2 * w)


def linear(x, w, bias):
    """15.5"""
    return accumulate(bias.astype(f64), zip(x.astype(f64), w.T.astype(f64)))


def convolve(x, w, bias, stride=1):
    """15.5: acc"""
    out, inputs, taps, _ = w.shape
    H, W, p = x.shape[1] // stride, x.shape[2] // stride, taps // 3
    x, w = np.pad(x, ((0, 0), (p, p), (p, p))).astype(f64), w.astype(f64)
    seen = [x[:, ky:ky + stride * H:stride, kx:kx + stride * W:stride].reshape(inputs, H * W)
            for ky in range(taps) for kx in range(taps)]
    w, acc = w.reshape(out, inputs, taps * taps, 1), np.empty((out, H * W), f32)
    for at in range(0, H * W, 256):                             # few at once, for caches are small
        start = np.repeat(bias.astype(f64)[:, None], len(seen[0][0, at:at + 256]), 1)
        acc[:, at:at + 256] = accumulate(start, (
            (seen[tap][i, at:at + 256], w[:, i, tap]) for tap in range(len(seen))
            for i in range(inputs)))
    return acc.reshape(out, H, W)


def B4(d0, d1, d2, d3, d4, d5):
    """15.6"""
    e, f, a, b = d4 - d2, d3 - d1, d4 - 4 * d2, d3 - 4 * d1
    return e + 4 * (d0 - d2), a + b, a - b, e + 2 * f, e - 2 * f, (d5 - d3) - 4 * f


def G4(g0, g1, g2):
    p, q = g0 + g2, g0 + 4 * g2
    return 6 * g0, -4 * (p + g1), -4 * (p - g1), q + 2 * g1, q - 2 * g1, 24 * g2


def A4(m0, m1, m2, m3, m4, m5):
    s, t, s1, t1 = m1 + m2, m1 - m2, m3 + m4, m3 - m4
    return (m0 + s) + s1, t + 2 * t1, s + 4 * s1, (t + 8 * t1) + m5


def B6(d0, d1, d2, d3, d4, d5, d6, d7):
    a, b, e, f = d2 - d4, d6 - d4, d1 - d3, d5 - d3
    p, q = (a + b) - f32(2.25) * d4, (e + f) - f32(2.25) * d3
    g, g1, h, h1 = a + 4 * b, b + 4 * a, e + 4 * f, f + 4 * e
    return ((d0 - d6) - f32(5.25) * a, p + q, p - q, g + 2 * h, g - 2 * h, 2 * g1 + h1,
            2 * g1 - h1, (d7 - d1) - f32(5.25) * f)


def G6(g0, g1, g2):
    p, q, q1 = g0 + g2, g0 + 4 * g2, 4 * g0 + g2
    return g0, p + g1, p - g1, q + 2 * g1, q - 2 * g1, q1 + 2 * g1, q1 - 2 * g1, g2


def A6(m0, m1, m2, m3, m4, m5, m6, m7):
    s, t, s1, t1, s2, t2 = m1 + m2, m1 - m2, m3 + m4, m3 - m4, m5 + m6, m5 - m6
    return (((m0 + s) + s1) + 32 * s2, (t + 2 * t1) + 16 * t2, (s + 4 * s1) + 8 * s2,
            (t + 8 * t1) + 4 * t2, (s + 16 * s1) + 2 * s2, (t + 32 * t1) + (t2 + m7))


FILTERS = {4: (B4, G4, A4, [24.0] * 6), 6: (B6, G6, A6, [1, -4.5, -4.5, 360, 360, 360, 360, 1])}


def both(act, x):
    """`act` of the columns (over axis 0), then of the rows (over axis 1) of x"""
    columns = np.stack(act(*x))
    return np.stack(act(*columns.swapaxes(0, 1))).swapaxes(0, 1)


def convolve3(x, w, bias):
    """15.6: a layer of 3 x 3 taps"""
    inputs, m, n = x.shape
    four, six = -(-n // 4) * -(-m // 4), -(-n // 6) * -(-m // 6)
    r = 6 if six >= 128 and 2 * six <= four else 4
    if r == 4 and four < 16:
        return convolve(x, w, bias)
    B, G, A, K = FILTERS[r]
    down, right = -(-m // r), -(-n // r)
    x = np.pad(x, ((0, 0), (1, down * r + 1 - m), (1, right * r + 1 - n)))
    tiles = np.lib.stride_tricks.sliding_window_view(x, (r + 2, r + 2), (1, 2))[:, ::r, ::r]
    d = tiles.transpose(3, 4, 0, 1, 2).reshape(r + 2, r + 2, inputs, down * right)
    u = both(G, w.astype(f64).transpose(2, 3, 0, 1)) / np.outer(K, K)[:, :, None, None]
    u, v = u.astype(f32).astype(f64), both(B, d).astype(f64)
    points = np.empty((r + 2, r + 2, len(w), down * right), f32)
    for j in range(r + 2):
        points[j] = accumulate(np.zeros(points[j].shape), (
            (v[j, :, None, i], u[j, :, :, i, None]) for i in range(inputs)))
    y = both(A, points).reshape(r, r, len(w), down, right).transpose(2, 3, 0, 4, 1)
    return y.reshape(len(w), down * r, right * r)[:, :m, :n] + bias[:, None, None]


class Network:
    """15.1 to 15.7"""
    made = []

    def __init__(self, tensors, config, prefix, sigma_data):
        self.tensors, self.prefix, self.d = tensors, prefix, 255 * sigma_data
        self.blocks, self.M = config["blocks"], 2**len(config["channels"])               # 16.4
        self.answers = {}                       # of F, for prefixes of a file ask the same again
        Network.made.append(self)

    def layer(self, name):
        name = self.prefix + name
        return self.tensors[name + ".weight"], self.tensors[name + ".bias"]

    def denoise(self, x, sigma):
        """15.2"""
        V = sigma * sigma + self.d * self.d
        c_in, c_skip = f32(1 / math.sqrt(V)), f32(self.d * self.d / V)
        c_out = f32(sigma * self.d / math.sqrt(V))
        return c_skip * x + c_out * self.F(unshuffle(c_in * x), [sigma])

    def correct(self, x, before, h, sigma, sigma_a):
        """15.7"""
        g = (sigma_a / sigma) * (sigma_a / sigma) - 1
        r, k = math.sqrt(g) / sigma_a, math.sqrt(g) * sigma_a
        u = (f32(r * (g + 1) / g) * x + f32(-r / g) * before) + f32(-r) * h
        inputs = np.concatenate([unshuffle(u), unshuffle(f32(1 / self.d) * h)])
        return h + f32(k) * self.F(inputs, [sigma, g])

    def embedding(self, numbers):
        """15.3"""
        inputs = np.concatenate([inputs_of(number) for number in numbers])
        e = silu(linear(inputs, *self.layer("embed.0")))
        return silu(linear(e, *self.layer("embed.1")))

    def F(self, x, numbers):
        question = (x.tobytes(), *numbers)
        if question not in self.answers:
            self.answers[question] = self.compute(x, numbers)
        return self.answers[question]

    def compute(self, x, numbers):
        """15.4"""
        e, scales = self.embedding(numbers), []
        h = convolve3(x, *self.layer("input"))
        for i, count in enumerate(self.blocks):
            for b in range(count):
                h = self.block(f"enc.{i}.{b}", h, e)
            if i < len(self.blocks) - 1:
                scales.append(h)
                h = convolve(h, *self.layer(f"down.{i}"), stride=2)
        for i in range(len(scales) - 1, -1, -1):
            h = scales[i] + shuffle(convolve(h, *self.layer(f"up.{i}")))
            for b in range(self.blocks[i]):
                h = self.block(f"dec.{i}.{b}", h, e)
        return shuffle(convolve3(h, *self.layer("output")))

    def block(self, p, h, e):
        scale = linear(e, *self.layer(p + ".scale"))[:, None, None]
        acc = convolve3(h, *self.layer(p + ".conv1"))
        return h + convolve3(np.where(acc > 0, acc, f32(0)) * scale, *self.layer(p + ".conv2"))


# ----------------------------------------------------------------------- 16 The weights file

class Weights:
    """16"""

    def __init__(self, data):
        n = int.from_bytes(data[:8], "little")
        if len(data) > 2**27 or n > 2**20:
            raise Limit("16.1", "a weights file above its limits")
        head = json.loads(data[8:8 + n])
        about, body, tensors = head.pop("__metadata__"), data[8 + n:], {}
        if about["format"] != "dcodec-prior" or about["version"] != "1":
            raise Unsupported("16.2", "weights of another kind")
        for name, t in head.items():
            raw = body[slice(*t["data_offsets"])]
            if t["dtype"] == "BF16":
                values = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(f32)
            else:
                values = np.frombuffer(raw, {"F16": "<f2", "F32": "<f4"}[t["dtype"]]).astype(f32)
            tensors[name] = values.reshape(t["shape"])
        data = float(about["sigma_data"])
        self.sigma_max = float(about.get("sigma_max", 256))
        self.network = Network(tensors, json.loads(about["config"]), "", data)
        self.corrector = None
        if "corrector" in about:
            self.corrector = Network(tensors, json.loads(about["corrector"]), "corrector.", data)


@functools.cache
def read_weights(path):
    """The identity of a weights file, and what is in it when it is called"""
    with open(path, "rb") as f:
        data = f.read()
    return hashlib.sha256(data).digest()[:4], functools.cache(lambda: Weights(data))


def find_prior(identity, paths):
    """3.6: the weights of that identity among files, averaged over n orientations."""
    for path in paths:
        own, weights = read_weights(path)
        for n in (1, 2, 4, 8):
            if (own if n == 1 else hashlib.sha256(own + bytes([n])).digest()[:4]) == identity:
                return Prior(weights(), n)
    raise Unsupported("3.6", f"no weights of the prior {identity.hex()}", 0)


# -------------------------------------------------------------------- 17 Samples from planes

def samples(file, x0):
    """17.1 and 4.13: rows of pixels of samples"""
    x = x0[:, :file.h, :file.w]
    if not file.rgb:
        x = (((x[0] + x[1]) + x[2]) / f32(3))[None]
    x = x + f32(127.5)
    x = np.floor((x * f32(257) if file.deep else x) + f32(0.5))
    x = np.clip(np.nan_to_num(x), 0, 65535 if file.deep else 255).astype(np.int64)
    low, high = file.span()
    if file.deep:
        x = low + (x * (high - low) + 32767) // 65535
    return x.transpose(1, 2, 0)


# ----------------------------------------------------------------------------------- 19 Alpha

class RangeDecoder:
    """19.2 and 19.3"""

    def __init__(self, payload):
        self.words = iter(struct.unpack(f"<{len(payload) // 2}H", payload[:len(payload) // 2 * 2]))
        self.lower, self.range, self.point = 0, M64, 0
        self.missing, self.valid = 0, True
        for _ in range(4):
            self.point = self.point << 16 | self.word()

    def word(self):
        word = next(self.words, None)
        self.missing += word is None
        return word or 0

    def decide(self, p):
        """One decision, whose one has the probability p / 65536"""
        if not self.valid:
            return 0
        scale = self.range >> 16
        q = (self.point - self.lower & M64) // scale
        if q >= 65536:
            self.valid = False
            return 0
        bit = int(q >= 65536 - p)
        if bit:
            self.lower = self.lower + scale * (65536 - p) & M64
        self.range = scale * (p if bit else 65536 - p)
        if self.range < 2**48:
            self.lower, self.range = self.lower << 16 & M64, self.range << 16
            self.point = self.point << 16 & M64 | self.word()
        return bit

    def bits(self, n):
        """n decisions with p = 32768, high bit first"""
        value = 0
        for _ in range(n):
            value = 2 * value + self.decide(32768)
        return value

    def adapt(self, counters, place):
        """19.4: a decision with the counter of a place of a dictionary"""
        fast, slow, seen = counters.get(place, (2**23, 2**23, 0))
        bit = self.decide(min(max((fast + slow) >> 9, 4), 65532))
        target = 2**24 if bit else 0
        towards = lambda v, most: v + (1 if bit else -1) * (
            2 * abs(target - v) // min(most, 2 * seen + 3))
        counters[place] = towards(fast, 64), towards(slow, 512), min(seen + 1, 256)
        return bit

    def certain(self):
        """19.9"""
        return self.valid and self.missing <= 3 and \
            (self.point - self.lower & M64) + 2**(16 * self.missing) - 1 < self.range


def residual(r, n, ctx, size_of):
    """19.8 from step 1 on; n are the counters"""
    if r.adapt(n, ("zero", ctx)):
        return 0
    negative, size, node = r.adapt(n, ("sign", ctx)), 0, 1
    while size < 7 and r.adapt(n, ("size", size_of, size)):
        size += 1
    for _ in range(size):
        node = 2 * node + r.adapt(n, ("mantissa", size, node))
    return -node if negative else node


class Plane:
    """Values or errors of a plane with what lies outside, two rows above and three columns."""

    def __init__(self, w, h):
        self.rows = np.zeros((h + 2, w + 6), int).tolist()

    def near(self, x, y):
        """W, N, NW, NE, WW, NN, WWW (19.6)"""
        here, above = self.rows[y + 2], self.rows[y + 1]
        return (here[x + 2], above[x + 3], above[x + 2], above[x + 4], here[x + 1],
                self.rows[y][x + 3], here[x])

    def put(self, x, y, value):
        self.rows[y + 2][x + 3] = value

    def array(self):
        return np.array(self.rows)[2:, 3:-3]


def alpha_high(payload, w, h):
    """19.5 to 19.9: the plane, and how many rows are reached"""
    r, n, memory, last = RangeDecoder(payload), {}, {}, (0, 0)
    values, errors = Plane(w, h), Plane(w, h)
    raw = r.decide(256)
    for y in range(h):
        if raw:
            for x in range(w):
                values.put(x, y, r.bits(8))
        else:
            repeat = r.adapt(n, ("repeat", 2 * last[0] + last[1]))
            last = last[1], repeat
            for x in range(w):
                near, err = values.near(x, y), errors.near(x, y)
                pred = min(max(near[0] + near[1] - near[2], 0), 255)
                value = near[1] if repeat else alpha_pixel(r, n, memory, near[:6], err, pred)
                values.put(x, y, value)
                errors.put(x, y, 0 if repeat else value - pred)
        if not r.certain():
            return np.vstack([values.array()[:y], np.full((h - y, w), 255)]), y
    return values.array(), h


def alpha_pixel(r, n, memory, near, err, pred):
    """19.6"""
    rough = sum(abs(e) for e in err[:4])
    if rough <= 8 or len(set(near)) == 1:
        return alpha_value(r, n, near, err, pred, rough)
    code = 0
    for v in near:
        code = ((code ^ (v + 1)) * 0x9E3779B1) & M32
        code ^= code >> 15
    slot = code & 65535
    guess, right = memory.get(slot, (None, 0))
    if guess is not None and r.adapt(n, ("hit", right)):
        memory[slot] = guess, min(right + 1, 15)
        return guess
    value = alpha_value(r, n, near, err, pred, rough)
    memory[slot] = value, 0
    return value


def alpha_value(r, n, near, err, pred, rough):
    """19.7"""
    cls = 0
    for v in near:
        cls = 3 * cls + (0 if v == 0 else 1 if v == 255 else 2)
    if r.adapt(n, ("clear", cls)):
        return 0
    if r.adapt(n, ("opaque", cls)):
        return 255
    if rough > 80:
        node = 1
        for _ in range(8):
            node = 2 * node + r.adapt(n, ("value", near[0] >> 5, near[1] >> 5, node))
        return node - 256
    if all(abs(e) <= 1 for e in err):                                                    # 19.8
        ctx, size = 0, 0
        for e in err:
            ctx = 3 * ctx + e + 1
    else:
        steps = sum(limit < rough for limit in (4, 7, 12, 20, 32, 50))
        ctx, size = 2187 + steps, 1 + steps
    return (pred + residual(r, n, ctx, size)) % 256


def alpha_low(payload, high):
    """19.12: the values of 16 bits"""
    h, w = high.shape
    full = high * 257
    if not payload:
        return full
    r, n, last = RangeDecoder(payload), {}, (0, 0)
    values, errors = Plane(w, h), Plane(w, h)
    raw = r.decide(256)
    for y in range(h):
        same = 0
        if not raw:
            same = r.adapt(n, ("same", 2 * last[0] + last[1]))
            last = last[1], same
        for x in range(w):
            top = int(high[y, x])
            if raw:
                values.put(x, y, top * 256 + r.bits(8))
            elif same:
                values.put(x, y, top * 257)
            else:
                near, err = values.near(x, y), errors.near(x, y)
                pred = min(max(near[0] + near[1] - near[2], 0), 65535)
                value = 256 * top + alpha_low_byte(r, n, top, near, err, pred)
                values.put(x, y, value)
                errors.put(x, y, value - pred)
        if not r.certain():
            return np.vstack([values.array()[:y], full[y:]])
    return values.array()


def alpha_low_byte(r, n, high, near, err, pred):
    same = [int(v >> 8 == v & 255) for v in near[:2]]
    cls = 0 if high == 0 else 1 if high == 255 else 2
    if r.adapt(n, ("equal", cls, 2 * same[0] + same[1])):
        return high
    rough = sum(abs(e) for e in err[:4])
    steps = sum(limit < rough for limit in (0, 3, 12, 48, 192, 768, 3072))
    return (min(max(pred - 256 * high, 0), 255) + residual(r, n, steps, steps)) % 256


def alpha(file):
    """4.8"""
    high, most = file.first("ALPH"), 65535 if file.deep else 255
    if not file.has_alpha or high is None:
        return np.full((file.h, file.w), most)
    high, _ = alpha_high(high, file.w, file.h)
    return alpha_low(file.first("ALPL") or b"", high) if file.deep else high


# --------------------------------------------------------------------- Annex A Exact samples

TABLE_S = [int(2.0**30 / (1 + 2.0**(17 - k / 64)) + 0.5) for k in range(2177)]           # A.10
TABLE_G = [int(2.0**16 * math.log2(1 + (k + 0.5) / 1024) + 0.5) for k in range(1024)]
SCALES = [O[5 * (k % 4)] * 2.0**(k // 4) / 8 for k in range(40)]                         # A.8


def whole(x):
    """A.10: an integer from a float"""
    return 0 if x != x else int(min(max(float(x), -2.0**31), 2.0**31 - 1))


def P(z):
    """A.10"""
    z = min(max(z, -17 << 16), 17 << 16) + (17 << 16)
    k = z >> 10
    return TABLE_S[k] + ((TABLE_S[min(k + 1, 2176)] - TABLE_S[k]) * (z & 1023) >> 10)


def lb(v):
    n = v.bit_length() - 1
    return n * 65536 + TABLE_G[(v << 31 - n >> 21) & 1023]


def logit(a, b):
    return f32(lb(a) - lb(b)) / f32(65536)


def log_of_count(counter):
    """A.12: x"""
    return (counter[1] + 1).bit_length() - 1


class Mixer:
    """A.12: decisions from inputs weighed by two vectors"""

    def __init__(self, weights, rate):
        self.first, self.rate, self.vectors = np.array(weights, f32), f32(rate), {}

    def decide(self, r, counters, places, inputs=()):
        """A decision with the vectors of two places; the counters give inputs, and learn."""
        inputs = np.array(list(inputs) + [logit(p + 1, 2**22 - p) for p, _ in counters], f32)
        vectors = [self.vectors.setdefault((k, *place), self.first.copy())
                   for k, place in enumerate(places)]
        z = [np.add.accumulate(v * inputs)[-1] for v in vectors]
        p = P(whole(((z[0] + z[1]) * f32(0.5)) * f32(65536))) >> 14
        bit = r.decide(min(max(p, 1), 65535))
        for v, own in zip(vectors, z):
            guess = f32(P(whole(f32(65536) * own))) / f32(2**30)
            v += self.rate * (f32(bit) - guess) * inputs
        for c in counters:                                                               # A.13
            c[0] += ((2**22 - 1) * bit - c[0]) * (655360 // (10 * c[1] + 16)) >> 16
            c[1] = min(c[1] + 1, 60)
        return bit


class Places:
    """A.13: the places of contexts, each with a tag and counters 1 to 7"""

    def __init__(self, n):
        places = min(max((1 << (n - 1).bit_length()) // 2, 2**10), 2**22)
        self.shift, self.table = 65 - places.bit_length(), {}

    def find(self, keys):
        found = []
        for key in keys:
            h = (key & M64) * GOLDEN & M64
            h = (h ^ h >> 32) * 0xD6E8FEB86659FD93 & M64
            found.append((self.table.setdefault(h >> self.shift, [0, None]), h & M32 | 1))
        foreign = [place[0] != tag for place, tag in found]
        for (place, tag), new in zip(found, foreign):
            if new:
                place[:] = tag, [[2**21, 0] for _ in range(8)]
        return [place for place, _ in found]


class Samples:
    """A.4 to A.13, and A.22 where there is no chain: samples from what is known beside them."""

    def __init__(self, r, w, h, channels, span, step, chain=None):
        self.r, self.w, self.h, self.channels = r, w, h, channels
        self.chain = None
        if chain:                                                                        # A.4
            self.chain = [[p[c, :h, :w].astype(f64) for c in self.planes(channels)]
                          for p in (chain.x, chain.x0)]
        low, high = span
        self.K = (high - low) // step + 1
        self.u = (high - low) / 255 / step
        self.B = max(8, (self.K - 1).bit_length())
        padded = lambda: np.zeros((channels, h + 2, w + 4))
        self.v = np.zeros((channels, h, w), int).tolist()
        self.res, self.e = padded(), padded()
        inputs = [13, 21, 29] if channels == 3 else [11]
        if not chain:
            inputs = [6, 10, 14][:channels]
        segments = -(-w // 16)
        self.M = [np.zeros((segments, n, n)) for n in inputs]
        self.q = [np.zeros((segments, n)) for n in inputs]
        self.solved = [(None, None)] * channels
        self.scale = [[[scale, 1] for scale in SCALES] for _ in range(channels)]
        self.places = Places(w * h * channels)
        self.mixer = Mixer([0.5] * 2 + [0.1] * 4, 0.0035)

    @staticmethod
    def planes(channels):
        return [1, 0, 2][:channels] if channels == 3 else [0]

    def row(self):
        """A.7: before each row"""
        for M, q in zip(self.M, self.q):
            M *= 0.9
            q *= 0.9

    def put(self, i, x, y, v, e=0.0):
        """The sample v is known"""
        self.v[i][y][x] = v
        x0 = self.chain[1][i][y, x] if self.chain else 0.0
        self.res[i, y + 2, x + 2] = v / self.u - 127.5 - x0
        self.e[i, y + 2, x + 2] = e

    def regressors(self, i, x, y):
        """A.6, A.22"""
        X, Y = x + 2, y + 2
        r = self.res[i]
        f = [r[Y, X - 1], r[Y - 1, X], r[Y - 1, X - 1], r[Y - 1, X + 1], r[Y, X - 2], r[Y - 2, X]]
        if not self.chain:
            for r in self.res[:i]:
                f += [r[Y, X], r[Y, X - 1], r[Y - 1, X], r[Y - 1, X - 1]]
            return np.array(f)
        x_t, x0 = self.chain
        around = lambda p: [p[b, a] - p[y, x] for a, b in
                            ((max(x - 1, 0), y), (x, max(y - 1, 0)),
                             (min(x + 1, self.w - 1), y), (x, min(y + 1, self.h - 1)))]
        f += [x_t[i][y, x] - x0[i][y, x]] + around(x0[i])
        for j, r in enumerate(self.res[:i]):
            f += [r[Y, X], r[Y, X - 1], r[Y - 1, X], r[Y, X + 1]] + around(x0[j])
            f += [x0[j][y, x] - x0[i][y, x]]
        return np.array(f + [x_t[j][y, x] - x0[j][y, x] for j in range(i + 1, self.channels)])

    def coefficients(self, i, x, y):
        """A.7: the c of the segment of column x"""
        s = x // 16
        if self.solved[i][0] != (y, s):
            n = self.q[i].shape[1]
            A, b = np.zeros((n, n)), np.zeros(n)
            for k, weight in ((s - 1, 0.7), (s, 1.0), (s + 1, 0.7)):
                if 0 <= k < len(self.q[i]):
                    A, b = A + weight * self.M[i][k], b + weight * self.q[i][k]
            A[np.diag_indices(n)] += 1
            self.solved[i] = (y, s), cholesky(A, b)
        return self.solved[i][1]

    def near(self, i, x, y):
        """A.8"""
        X, Y, a = x + 2, y + 2, np.abs(self.e[:, y:y + 3, x:x + 4])
        e = a[i]                                                 # rows y-2 .. y, columns x-2 .. x+1
        S = 0.3 + e[2, 1] + e[1, 2] + 0.7 * (e[1, 1] + e[1, 3]) + 0.5 * (e[2, 0] + e[0, 2])
        for e in a[:i]:
            right = e[2, 3] if self.chain else e[1, 3]
            S = S + (e[2, 2] + 0.5 * (right + e[2, 1] + e[1, 2]))
        return float(S / (4.4 + 2.5 * i))

    def neighbours(self, i, x, y):
        """A.13: W and N, shifted"""
        shown = lambda x, y: self.v[i][y][x] >> self.B - 8
        W = shown(x - 1, y) if x else None
        N = shown(x, y - 1) if y else None
        return (W if x else N if y else 0), (N if y else W if x else 0)

    def contexts(self, i, x, y, C, cls):
        """A.13"""
        join = lambda a, b: a << 10 | b
        W, N = self.neighbours(i, x, y)
        if i == 0:
            return [C, W << 8 | N, C << 8 | cls, (W + N) >> 1]
        here = [self.v[j][y][x] >> self.B - 8 for j in range(i)]
        W0, N0 = self.neighbours(0, x, y)
        D = join(W - W0 + 256, N - N0 + 256)
        if i == 1:
            return [here[0], C, D, join(C, here[0])]
        D1 = here[1] - here[0] + 256
        return [D1, join(D1, here[0]), join(D1, C), D]

    def decode(self, i, x, y):
        """A.9 to A.13: the sample of channel i at x, y"""
        f, near = self.regressors(i, x, y), self.near(i, x, y)
        mean = float(np.add.accumulate(self.coefficients(i, x, y) * f)[-1])
        cls = sum(near >= limit for limit in SCALES[1:])
        scale = self.scale[i][cls]
        width = max((0.52 * scale[0]) / scale[1], 0.02) * self.u
        depth = self.B + (i > 0)
        o = 2**self.B - self.v[0][y][x] if i else 0
        low, high = o, o + self.K
        x0 = self.chain[1][i][y, x] if self.chain else 0.0
        centre = (mean + x0 + 127.5) * self.u + o
        C = min(max(whole(math.floor(centre + 0.5)), 0), 2**depth - 1) >> self.B - 8
        contexts = self.contexts(i, x, y, C, cls)
        path = 1
        for known in range(depth):
            if known % 3 == 0:
                places = self.places.find([(4 * i + k) << 56 | context << 24 | path
                                           for k, context in enumerate(contexts)])
                node = 1
            left = depth - 1 - known
            middle = (2 * (path - (1 << known)) + 1) << left
            if middle <= low:
                bit = 1
            elif middle >= high:
                bit = 0
            else:
                counters = [place[1][node] for place in places]
                bit = self.mixer.decide(
                    self.r, counters,
                    ((i, known, log_of_count(counters[i == 2])), (i, cls, min(left, 8))),
                    [distribution(low, middle, high, centre, factor * width)
                     for factor in (0.45, 2.0)])
                low, high = (middle, high) if bit else (low, middle)
            path, node = 2 * path + bit, 2 * node + bit
        v = path - (1 << depth) - o
        res = v / self.u - 127.5 - x0
        e = res - mean
        self.put(i, x, y, v, e)
        scale[0] += abs(e)
        scale[1] += 1
        if scale[1] > 400:
            scale[:] = scale[0] / 2, scale[1] / 2
        g = 1 / math.sqrt(near * near + 0.5)
        self.M[i][x // 16] += np.outer(f * g, f)
        self.q[i][x // 16] += f * g * res


def cholesky(A, b):
    """A.7"""
    n = len(b)
    L, d = np.zeros((n, n)), np.zeros(n)
    for j in range(n):
        d[j] = math.sqrt(max(A[j, j], 1e-9))
        L[j + 1:, j] = A[j + 1:, j] / d[j]
        b[j] /= d[j]
        A[j + 1:, j + 1:] -= np.outer(L[j + 1:, j], L[j + 1:, j])
        b[j + 1:] -= L[j + 1:, j] * b[j]
    for j in range(n - 1, -1, -1):
        b[j] /= d[j]
        b[:j] -= L[j, :j] * b[j]
    return b


def distribution(low, middle, high, centre, width):
    """A.11"""
    F = [P(whole((v - 0.5 - centre) * (65536 / width))) for v in (low, middle, high)]
    return logit(max(F[2] - F[1], 0) + 1024, max(F[1] - F[0], 0) + 1024)


def join(h, v):
    """A.15"""
    g = (h ^ v) * GOLDEN & M64
    return g ^ g >> 29


NEIGHBOURS = [(1, 0), (0, 1), (1, 1), (-1, 1), (2, 0), (0, 2), (-2, 1), (2, 1), (-1, 2), (1, 2),
              (3, 0), (0, 3), (-2, 2), (2, 2), (-3, 1), (3, 1), (-1, 3), (1, 3), (-3, 2), (3, 2)]


class Pixels:
    """A.15 to A.22: methods 2 and 3"""

    def __init__(self, r, w, h, channels, deep, span, step, by_palette):
        self.r, self.w, self.channels, self.low, self.step = r, w, channels, span[0], step
        self.counters = {}
        self.colours = self.palette(channels, deep) if by_palette else None              # A.16
        self.samples = Samples(r, w, h, channels, span, step)
        self.grid = np.zeros((h + 3, w + 6), int).tolist()
        size = min(max(1 << (w * h - 1).bit_length(), 2**10), 2**20)
        self.successors, self.size = {}, size
        self.places = Places(2 * w * h)
        self.choice, self.place = Mixer([0.2] * 8, 0.006), Mixer([0.4] * 4, 0.006)

    def palette(self, channels, deep):
        """A.16"""
        r, colours, last = self.r, [], [0] * channels
        for _ in range(r.bits(8) + 1):
            for c in range(channels):
                n = 0
                while n < 17 and r.adapt(self.counters, ("step", c, n)):
                    n += 1
                k = (1 << n | r.bits(n)) - 1
                step = k if c == 0 else k // 2 if k % 2 == 0 else -(k + 1) // 2
                last[c] = (last[c] + step) % (65536 if deep else 256)
            colours.append(tuple(last))
        return colours

    def row(self, y, last):
        """A.17: a row; the answer whether it equals the one above"""
        self.samples.row()
        same = self.r.adapt(self.counters, ("row", *last))
        for x in range(self.w):
            near = [self.grid[y + 3 - up][x + 3 - left] for left, up in NEIGHBOURS]
            value, told = (near[1], True) if same else self.pixel(near, x, y)
            self.grid[y + 3][x + 3] = value
            if told and not self.colours:
                for i, v in enumerate(self.unpack(value)):
                    self.samples.put(i, x, y, (v - self.low) // self.step)
        return same

    def unpack(self, number):
        """A.15: the samples, channel by channel, of a number of method 3"""
        if self.channels == 1:
            return [number]
        return [number >> 16 & 65535, number >> 32, number & 65535]

    def pixel(self, near, x, y):
        """A.18 to A.21: the number of a pixel, and whether a candidate or the palette told it"""
        def H(h, n):
            for v in near[:n]:
                h = join(h, v)
            return h
        place = (H(0, 6) >> 32) % self.size
        successor, trust = self.successors.get(place, (0, 0))
        candidates = []
        for v in ([successor] if trust else []) + near[:6]:
            if v not in candidates:
                candidates.append(v)
        candidates = candidates[:4]
        value, told = self.choose(near, H, candidates, trust), True
        if value is None:
            if self.colours:
                value = self.by_place(near)
            else:
                value, told = self.by_samples(x, y), False
        if value == successor:
            trust = min(trust + 1, 7)
        elif trust >= 2:
            trust //= 2
        else:
            successor, trust = value, 1
        self.successors[place] = successor, trust
        return value, told

    def choose(self, near, H, candidates, trust):
        """A.19 and A.20: a candidate, or None"""
        f, c = candidates[0], len(candidates)
        if self.colours and len(self.colours) == 1:
            return 0
        e = sum(1 << k for k, v in enumerate(near) if v == f)
        p = 0
        for k in range(1, 8):
            p = 8 * p + near.index(near[k])
        contexts = [e % 2**12, H(f, 2), H(f, 4), H(f, 6), H(f, 12), join(p, trust), e,
                    join(join(join(f, near[5]), near[1]), near[11])]
        places = self.places.find([join(context, j + 1) for j, context in enumerate(contexts)])

        def decide(d):
            counters = [place[1][d] for place in places]
            return self.choice.decide(self.r, counters, (
                (d, log_of_count(counters[4]), log_of_count(counters[3])), (d, e % 16, trust)))
        if decide(1):
            return f
        if c == 1 or not (self.colours and len(self.colours) == c) and not decide(2):
            return None
        if c > 2 and not decide(3):
            return candidates[2] if c == 3 or decide(4) else candidates[3]
        return candidates[1]

    def by_place(self, near):
        """A.21"""
        N, W, value, path = len(self.colours), near[0], 0, 1
        contexts = [join(100, 0), join(101, W), join(102, near[1]), join(join(103, W), near[1])]
        bits = (N - 1).bit_length()
        for known in range(bits):
            if known % 3 == 0:
                places = self.places.find([join(context, path) for context in contexts])
                node = 1
            bit = 0
            if (2 * value + 1) << (bits - 1 - known) < N:
                counters = [place[1][node] for place in places]
                bit = self.place.decide(self.r, counters, (
                    (known,), (log_of_count(counters[3]), log_of_count(counters[1]))))
            value, path, node = 2 * value + bit, 2 * path + bit, 2 * node + bit
        return value

    def by_samples(self, x, y):
        """A.22"""
        for i in range(self.channels):
            self.samples.decode(i, x, y)
        v = [self.low + self.samples.v[i][y][x] * self.step for i in range(self.channels)]
        return v[0] if self.channels == 1 else v[1] << 32 | v[0] << 16 | v[2]

    def result(self, y):
        """The samples of row y, plane by plane of a pixel"""
        numbers = self.grid[y + 3][3:-3]
        if self.colours:
            return [self.colours[n] for n in numbers]
        return [[n] if self.channels == 1 else [n >> 32, n >> 16 & 65535, n & 65535]
                for n in numbers]


def exact(payload, w, h, channels, deep, span, chain=None):
    """A.2: the rows of samples that are reached; None if they are all and the CRC differs, or
    if the payload is to be ignored"""
    none = np.zeros((0, w, channels), int)
    if len(payload) < 5:
        return none
    crc, method, data, step, rows = int.from_bytes(payload[:4], "little"), payload[4], \
        payload[5:], 1, []
    if deep and method in (1, 2, 3):
        step, data = int.from_bytes(data[:2], "little"), data[2:]
        if step == 0:
            return none
    if method == 0:
        n = w * channels * (1 + deep)
        got = np.frombuffer(data[:min(len(data) // n, h) * n], "<u2" if deep else "u1")
        rows = got.reshape(-1, w, channels).astype(int)
    elif method == 1 and chain or method in (2, 3):
        r = RangeDecoder(data)
        coder = Samples(r, w, h, channels, span, step, chain) if method == 1 else \
            Pixels(r, w, h, channels, deep, span, step, method == 2)
        last = (0, 0)
        for y in range(h):
            if method == 1:
                coder.row()
                for i in range(channels):
                    for x in range(w):
                        coder.decode(i, x, y)
                row = [coder.v[i][y] for i in np.argsort(Samples.planes(channels))]
                row = span[0] + np.array(row).T * step
            else:
                last = last[1], coder.row(y, last)
                row = np.array(coder.result(y))
            if not r.certain():
                break
            rows.append(row)
        rows = np.array(rows).reshape(-1, w, channels)
    else:
        return None
    if len(rows) == h and zlib.crc32(rows.astype("<u2" if deep else "u1").tobytes()) != crc:
        return None
    return rows


def flat(file, shown):
    """4.14: squares of one colour in the samples"""
    def usable(payload):
        k, n = (payload + b"\0\0")[:2]
        size = file.channels * (1 + file.deep)
        if not 3 <= k <= 7 or len(payload) < 2 + n * size:
            return None
        colours = np.frombuffer(payload[2:2 + n * size], "<u2" if file.deep else "u1")
        w, h = -(-file.w // 2**k), -(-file.h // 2**k)
        labels = exact(payload[2 + n * size:], w, h, 1, 0, (0, 255))
        if labels is None or len(labels) < h:
            return None
        return k, colours.reshape(n, file.channels), labels[:, :, 0]
    found = file.first("flat", usable)
    if found:
        k, colours, labels = found
        labels = labels.repeat(2**k, 0).repeat(2**k, 1)[:file.h, :file.w]
        for m in range(len(colours)):
            shown[labels == m + 1] = colours[m]
    return shown


# ---------------------------------------------------------------------------- The whole file

def decode(file, priors):
    """The samples of a file, rows of pixels; its alpha, if it has any; how many rows are exact"""
    chain, layers = None, [layer for layer in file.layers if layer.arrived() == layer.stages]
    x0 = np.zeros((3, file.H, file.W), f32)                                              # 17.2
    prior = find_prior(file.prior, priors)
    if layers:
        chain = Chain(file, prior)
        for layer, after in zip(layers, file.layers[1:] + [None]):
            chain.advance(layer, after is not None and after.corrected)
        x0 = chain.part(None if len(file.layers) == len(layers) else file.layers[-1])
    shown, exact_rows = flat(file, samples(file, x0)), 0
    payload = file.first("rest")
    if payload is not None:
        rows = exact(payload, file.w, file.h, file.channels, file.deep, file.span(), chain)
        if rows is None:
            print("the exact samples are damaged or of another method", file=sys.stderr)
        else:
            exact_rows = len(rows)
            shown[:exact_rows] = rows
    return shown, alpha(file) if file.has_alpha else None, exact_rows


def crc(values, deep=0):
    """7.1, of whole numbers in their order"""
    return zlib.crc32(np.asarray(values).astype("<u2" if deep else "u1").tobytes())


def picture_file(name, file, shown):
    """The picture as PNG, PPM or PAM, by its name"""
    h, w, n = shown.shape
    big = shown.astype(">u2" if file.deep else "u1")
    most = 65535 if file.deep else 255
    if not name.endswith(".png"):
        kind = {1: "GRAYSCALE", 2: "GRAYSCALE_ALPHA", 3: "RGB", 4: "RGB_ALPHA"}[n]
        if name.endswith(".pam"):
            head = f"P7\nWIDTH {w}\nHEIGHT {h}\nDEPTH {n}\nMAXVAL {most}\nTUPLTYPE {kind}\nENDHDR\n"
        else:
            big = big[:, :, :file.channels]
            head = f"P{6 if file.rgb else 5}\n{w} {h}\n{most}\n"
        return head.encode() + big.tobytes()
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + \
        struct.pack(">I", zlib.crc32(kind + body))
    rows = b"".join(b"\0" + row.tobytes() for row in big)
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(
        ">IIBBBBB", w, h, 16 if file.deep else 8, {1: 0, 2: 4, 3: 2, 4: 6}[n], 0, 0, 0))
    icc, exif, xmp = (file.metadata(name) for name in ("iccp", "exif", "xmpp"))
    if icc:
        out += chunk(b"iCCP", b"icc\0\0" + zlib.compress(icc))
    if exif:
        out += chunk(b"eXIf", exif)
    if xmp:
        out += chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    return out + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


# --------------------------------------------------------------------------------- 22 Checks

def found(file):
    """What parsing finds, as files.json has it"""
    layers = []
    for layer in file.layers:
        line = {"offset": layer.offset, "sigma": layer.code, "stages": layer.stages,
                "corrected": bool(layer.corrected)}
        layers.append(line | ({"allotment": layer.allotment} if file.bands else {}))
    whole = [layer for layer in file.layers if layer.arrived() == layer.stages]
    parts = file.parts[:-1] if file.cut and file.cut in file.parts[-1:] else file.parts
    return {
        "width": file.w, "height": file.h, "colour": "RGB" if file.rgb else "grey",
        "depth": 16 if file.deep else 8, "alpha": bool(file.has_alpha), "seed": file.seed,
        "trellis": file.nu, "bands": bool(file.bands), "corrections": bool(file.corrections),
        "start": file.start, "prior": file.prior.hex(),
        "parts": [{"name": name, "bytes": len(payload)} for name, payload in parts],
        "layers": layers, "whole_layers": len(whole), "end_marker": file.ended,
        "metadata": {name: {"bytes": len(data), "crc": zlib.crc32(data)} for name, data in
                     ((name, file.metadata(name)) for name in ("iccp", "exif", "xmpp")) if data}}


def differences(path, line, size, priors):
    """What is otherwise than in a line of files.json, of the first bytes of a file or of all"""
    with open(path, "rb") as f:
        data = f.read()
    try:
        file = File(data[:size])
        shown, transparency, exact_rows = decode(file, priors)
    except Refused as error:
        got = {"kind": error.kind, "clause": error.clause}
        wanted = {key: line.get(key) for key in got}
        if "names" in line and line["names"] and line["names"] not in str(error):
            return [f"{path}: {error}, not {line['names']}"]
        return [] if got == wanted else [f"{path}: {error}, not {wanted}"]
    if "kind" in line:
        return [f"{path}: decodes, but {line['is']}"]
    pairs = [] if size else list(found(file).items())
    faults = [(key, value, line[key]) for key, value in pairs if line[key] != value]
    shows = line if size else line["shows"]
    got = {"crc": crc(shown, file.deep), "exact_rows": exact_rows,
           "alpha_crc": None if transparency is None else crc(transparency, file.deep)}
    faults += [(key, value, shows[key]) for key, value in got.items() if shows[key] != value]
    return [f"{path} {size or ''}: {key} is {value}, not {wanted}" for key, value, wanted in faults]


def check_file(task):
    """The differences of a file and of its prefixes, and how many there are of these"""
    path, line, priors = task
    prefixes = line.get("prefixes", [])
    faults = differences(path, line, None, priors)
    for prefix in prefixes:
        faults += differences(path, prefix, prefix["bytes"], priors)
    for network in Network.made:
        network.answers.clear()
    return faults, len(prefixes)


def check(table, priors, only=None):
    """22: the files of a files.json, or `only` one"""
    with open(table) as f:
        lines = json.load(f)
    tasks = [(f"{os.path.dirname(table)}/{kind}/{name}.dfc", line, priors)
             for kind in ("bad", "ok") for name, line in lines[kind].items()
             if only in (None, name)]
    faults, prefixes = [], 0
    with multiprocessing.Pool() as pool:
        for more, n in pool.imap_unordered(check_file, tasks):
            faults += more
            prefixes += n
            for fault in more:
                print(fault, flush=True)
    print(f"{len(tasks)} files and {prefixes} prefixes, {len(faults)} differences")
    return bool(tasks) and not faults


def planes(W, H, first=0, scale=1.0):
    """Planes of the values of clause 14.11"""
    i = np.arange(first, first + 3 * W * H)
    return ((i * 40503 % 65536 - 32768) / 256 * scale).astype(f32).reshape(3, H, W)


class Slanted:
    """The network of clause 14.11: its answer tells columns and rows"""
    M, sigma_max = 8, 256.0
    network = property(lambda self: self)

    def denoise(self, x, sigma):
        y, at = np.mgrid[0:x.shape[1], 0:x.shape[2]]
        return x + ((at + 3 * y) / 8).astype(f32)


def picture(w, h, rgb=1):
    """What `project` and `predict` ask of a file"""
    return argparse.Namespace(w=w, h=h, rgb=rgb, W=max(w, 16), H=max(h, 16))


VECTORS_14 = [(70, 66, 70, 66, 1, 700.0, 1, "f3fe93ff"), (22, 18, 22, 18, 1, 8.0, 8, "d0f3df2d"),
              (1100, 16, 1100, 16, 1, 8.0, 2, "f897e176"), (16, 20, 5, 20, 0, 8.0, 1, "f4ea6517")]
VECTORS_15 = [(16, 16, 8.0, "24291b14"), (80, 64, 40.0, "d476c01e"), (160, 144, 2.0, "0e1c6fb2")]
VECTOR_CORRECTOR, SUMS_A_10 = "9be959f9", ["c4cb4f15", "80bd9221"]
SUMS_15_8 = ["68d11fe8", "3f28a964", "50eb37d1", "caa1ff85"]
BY_HAND = bytes.fromhex(                                                                 # 23
    "89444601090202c780f0f1779df4820afae86ff53a8e10e119420c16396a0800379a")


def self_test(priors):
    """The test values of the text"""
    faults = []

    def same(clause, got, wanted):
        if got != wanted:
            faults.append(clause)
            print(f"{clause}: {got}, not {wanted}")

    def words(values, kind="<f4"):
        return zlib.crc32(np.asarray(values).astype(kind).tobytes())

    same("7.1", zlib.crc32(b"123456789"), 0xCBF43926)
    same("1.2", Reader(b"\xac\2").varint(), 300)
    for seed, layer, v0, far in ((0, 0, 0x568A9B0B1A2C05EC, 0xD979976028547193),
                                 (M64, 399, 0xE24A5799295D0CC8, 0xF7A16E8695191F8A)):
        v = shared(seed, layer, 65537)
        same("9.3", (int(v[0]), int(v[65536])), (v0, far))
    for D, wanted in ((768, [475, 688, 293]), (71253, [44036, 63299, 27217]),
                      (1179648, [1, 729104, 450559]), (1512297, [1, 934640, 1512296])):
        place = Rotation(D, np.zeros(D)).place
        same("10.2", place[[1, 16, D - 1]].tolist(), wanted)
    same("10.8", [int(n) for n in Bands(203, 117).counts],
         [1530, 0, 0, 0, 4488, 17733, 3060, 44442])
    x = planes(37, 50)
    bands = Bands(37, 50)
    same("10.9", float(np.abs(bands.add(0 * x, bands.split(x), 1.0) - x).max()) < 1e-4, True)
    body = bytes((37 * k + 11) % 256 for k in range(513))
    for nu, wanted in ((12, 0xE5C586BB), (14, 0x154F695E), (16, 0x503C7DA5)):
        same("11.4", words(codewords(body, 1026, 1026, nu), "<u2"), wanted)
    start = [44, 43, 41, 39, 36, 32, 33, 15]
    for size, A, q, T, wanted in (((768, 512), start, 320, 1000, 0x4E4A2111),
                                  ((768, 512), start, 180, 1000, 0x597D3F7B),
                                  ((203, 117), [0] * 4 + [40, 30, 20, 10], 200, 77, 0x5001A6FA)):
        order = stages_of_bands(A, q, T, [int(n) for n in Bands(*size).counts])[1]
        same("11.5", zlib.crc32(bytes(order)), wanted)
    same("12.1", [level(q) for q in (0, 80, 140, 240, 400)], [0.0625, 1, 8, 256, 65536])
    for W, H, w, h, rgb, sigma, n, wanted in VECTORS_14:
        answer = Prior(Slanted(), n).predict(picture(w, h, rgb), planes(W, H), sigma)
        same("14.11", f"{words(answer):08x}", wanted)
    xs, s = (find_prior(bytes.fromhex(identity), priors).weights
             for identity in ("b96a372b", "c780f0f1"))
    for W, H, sigma, wanted in VECTORS_15:
        same("15.9", f"{words(xs.network.denoise(planes(W, H), sigma)):08x}", wanted)
    answer = s.corrector.correct(planes(24, 16), planes(24, 16, 7), planes(24, 16, 99, 0.5),
                                 level(100), level(110))
    same("15.9", f"{words(answer):08x}", VECTOR_CORRECTOR)
    levels = [level(q) for q in range(401)]
    gains = [(levels[t] / levels[s])**2 - 1 for s in range(20) for t in range(s + 1, s + 41)]
    same("15.8", [f"{sum_:08x}" for sum_ in (
        words(np.concatenate([inputs_of(number) for number in levels])),
        words(np.concatenate([inputs_of(number) for number in gains])),
        words(silu(np.arange(-4096, 4097) / 64)),
        words([exp2(k / 1000) for k in range(4001)], "<f8"))], SUMS_15_8)
    for w, h, values, payload in (
            (1, 1, [0], "807f"), (3, 3, [255] * 3 + [0] * 6, "7a2b"),
            (4, 2, [0, 0, 128, 255, 0, 64, 200, 255], "b24be5c65a870000"),
            (5, 3, [10, 20, 30, 40, 50, 12, 22, 32, 42, 52, 90, 10, 200, 7, 131],
             "190736c28e48480f556ca675 9c24")):
        payload = bytes.fromhex(payload)
        same("19.11", alpha_high(payload, w, h)[0].ravel().tolist(), values)
    same("19.11", [alpha_high(payload[:n], 5, 3)[1] for n in range(15)],
         [0] * 4 + [1] * 2 + [2] * 8 + [3])
    i = np.arange(18)
    x0 = ((37 * i % 64) - 32).astype(f32)
    chain = argparse.Namespace(x=(x0 + (5 * i % 7) - 3).astype(f32).reshape(3, 2, 3),
                               x0=x0.reshape(3, 2, 3))
    pixels = (x0 + 126 + (3 * i % 5)).astype(int).reshape(3, 2, 3).transpose(1, 2, 0)
    for n, payload in ((1, "4d5d27260107 00157c7c95"),
                       (3, "b2746db901fdff2d0029840b7ac9d5c45ff5b33f2a")):
        rows = exact(bytes.fromhex(payload), 3, 2, n, 0, (0, 255), chain)
        same("A.14", rows is not None and rows.tolist(), pixels[:, :, :n].tolist())
    same("A.10", [f"{words(table, '<u4'):08x}" for table in (TABLE_S, TABLE_G)], SUMS_A_10)
    for size, wanted in (
            (20, [128] * 12), (30, [91, 103, 129, 92, 103, 129, 90, 103, 129, 91, 104, 130]),
            (34, [110, 111, 116, 112, 112, 116, 110, 111, 114, 111, 111, 115])):
        shown = decode(File(BY_HAND[:size]), priors)[0]
        same("23.6", shown.ravel().tolist(), wanted)
    print(f"{len(faults)} differences from the test values")
    return not faults


def main():
    parser = argparse.ArgumentParser(description="A second decoder of .dfc files")
    parser.add_argument("file", nargs="?")
    parser.add_argument("-o", metavar="PICTURE", help="a PNG, PPM or PAM")
    parser.add_argument("--prior", nargs="*", default=[], metavar="WEIGHTS")
    parser.add_argument("--check", metavar="FILES.JSON", help="decode conformance files")
    parser.add_argument("--only", metavar="NAME", help="check this file alone")
    parser.add_argument("--self-test", action="store_true", help="the test values of the text")
    arguments = parser.parse_args()
    priors = arguments.prior + sorted(glob.glob(HERE + "/../models/*.safetensors"))
    if arguments.self_test or arguments.check:
        well = self_test(priors) if arguments.self_test else \
            check(arguments.check, priors, arguments.only)
        sys.exit(0 if well else 1)
    if not arguments.file:
        parser.error("a file is missing")
    try:
        with open(arguments.file, "rb") as f:
            file = File(f.read())
        shown, transparency, exact_rows = decode(file, priors)
    except Refused as error:
        sys.exit(str(error))
    print(f"{file.w} x {file.h}, {len(file.layers)} layers, {exact_rows} exact rows, "
          f"CRC-32 of the samples {crc(shown, file.deep):08x}")
    if arguments.o:
        if transparency is not None:
            shown = np.dstack([shown, transparency])
        with open(arguments.o, "wb") as f:
            f.write(picture_file(arguments.o, file, shown))


if __name__ == "__main__":
    main()
