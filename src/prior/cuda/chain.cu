// The decoder's chain on the device: signs, rotation, bands and the step from x_t to x_s (clauses
// 10, 11 and 13 of the specification), and the cutting of x_t into the network's tiles.
//
// Positions of all parts follow each other, as in the shared stream: value `at` of a part is at the
// part's base plus `at`. Sums of signs are integers below 2^17 and so exact in f32, in any order of
// the additions.

typedef unsigned int u32;
typedef unsigned long long u64;

// Words of a part in a layer's table: its first codeword, their number, and the scale of blocks of
// 2^0 .. 2^16 values.
const u32 WORDS = 20;
const u32 SCALES = 2;

// Values of a tile of `signs`: sixteen for each of 256 threads. Blocks of all kernels have that
// many threads.
const u32 TILE = 4096;
const u32 THREADS = 256;

// Values of a full block of the rotation.
const u32 BLOCK = 65536;

// Place of a scale of a colour: from value `first` on of the part that begins at `base`. Line i of
// the part, 2^shift values, is at position i inverse mod lines. Values after the last line stay in
// their places.
struct Place {
    u64 magic; // (2^64 - 1) / lines
    u32 base, lines, inverse, shift, first, unused;
};

// One level of the Haar bands, whose finer side has w x h values. Averages are in the bands at the
// coarsest level only.
struct Level {
    Place averages[3], details[3];
    u32 w, h, coarsest, unused;
};

// A tile of the network. It sees `w` x `h` values from (x, y) of planes of `width` x `height`,
// extended by reflection to `wide` x `high`, and serves the core from (left, top) to (right,
// bottom).
struct Window {
    u32 width, height, x, y, w, h, wide, high, left, top, right, bottom;
};

// The step x <- x0_hat + rho (x - x0_hat) + std z. `factors` are std times the factors of each
// colour for r, g, b.
struct Mix {
    float factors[3][3];
    float rho;
};

// Value i of the shared stream.
__device__ __forceinline__ u64 stream_value(u64 key, u64 i) {
    u64 z = key + (i + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

// log2 of the length of the block of position `at` in a part of `len`. After the full blocks come
// the powers of two of the rest, largest first, so it is the highest bit in which `at` and `len`
// differ.
__device__ __forceinline__ u32 log_block(u32 at, u32 len) {
    return (at / BLOCK < len / BLOCK) ? 16 : 31 - __clz((at ^ len) & (BLOCK - 1));
}

// Butterflies of the distances 1, 2, 4, 8 times 2^shift among the values at `at` + r 2^shift,
// within blocks.
template <bool WHOLE> __device__ __forceinline__ void butterflies(float (&v)[16], u32 at, u32 shift, u32 len) {
#pragma unroll
    for (u32 h = 0; h < 4; h++) {
#pragma unroll
        for (u32 r = 0; r < 16; r++) {
            if (r >> h & 1) continue;
            u32 lower = at + (r << shift);
            if (WHOLE || (lower < len && log_block(lower, len) > shift + h)) {
                float a = v[r], b = v[r | 1 << h];
                v[r] = a + b;
                v[r | 1 << h] = a - b;
            }
        }
    }
}

__device__ __forceinline__ void transform(float (&v)[16], u32 at, u32 shift, u32 len, bool whole) {
    if (whole) {
        butterflies<true>(v, at, shift, len);
    } else {
        butterflies<false>(v, at, shift, len);
    }
}

// Place in shared memory of value i of a tile. Sixteen neighbours take seventeen places, so that
// columns meet no bank twice.
__device__ __forceinline__ u32 padded(u32 i) {
    return i + (i >> 4);
}

// Writes the signs of all parts, and adds them up over distances up to 2^11, the first twelve
// levels of each block's transform. One block of threads for each pair (part, first position) of
// `tiles`.
extern "C" __global__ void __launch_bounds__(256)
    signs(const u32 *tiles, const u32 *parts, const u32 *layer, u32 words, u64 key, u32 nu, float *y) {
    __shared__ float shared[TILE + TILE / 16];
    const u32 part = tiles[2 * blockIdx.x], start = tiles[2 * blockIdx.x + 1];
    const u32 base = parts[2 * part], len = parts[2 * part + 1];
    const u32 stages = layer[WORDS * part + 1];
    const unsigned short *codewords = (const unsigned short *)(layer + words) + layer[WORDS * part];
    const bool whole = start + TILE <= len;
    const u32 t = threadIdx.x;
    float v[16];
#pragma unroll
    for (u32 r = 0; r < 16; r++) {
        u32 at = start + t + 256 * r;
        v[r] = 0.0f;
        if (at < len) {
            u64 value = stream_value(key, (u64)base + at);
            u32 parity = __popc((u32)(value >> (64 - nu)) & codewords[at % stages]);
            v[r] = (((u32)value ^ parity) & 1) ? -1.0f : 1.0f;
        }
    }
    transform(v, start + t, 8, len, whole);
#pragma unroll
    for (u32 r = 0; r < 16; r++) shared[padded(t + 256 * r)] = v[r];
    __syncthreads();
    u32 first = (t >> 4) * 256 + (t & 15);
#pragma unroll
    for (u32 r = 0; r < 16; r++) v[r] = shared[padded(first + 16 * r)];
    transform(v, start + first, 4, len, whole);
#pragma unroll
    for (u32 r = 0; r < 16; r++) shared[padded(first + 16 * r)] = v[r];
    __syncthreads();
    first = 16 * t;
#pragma unroll
    for (u32 r = 0; r < 16; r++) v[r] = shared[padded(first + r)];
    transform(v, start + first, 0, len, whole);
#pragma unroll
    for (u32 r = 0; r < 16; r++) shared[padded(first + r)] = v[r];
    __syncthreads();
#pragma unroll
    for (u32 r = 0; r < 16; r++) {
        u32 at = start + t + 256 * r;
        if (at < len) y[base + at] = shared[padded(t + 256 * r)];
    }
}

// Last four levels of the blocks that have them, the scale, and the rotation's signs. Sixteen
// blocks of threads for each pair (part, first position) of `groups`.
extern "C" __global__ void __launch_bounds__(256)
    rotate(const u32 *groups, const u32 *parts, const u32 *layer, u64 key, float *y) {
    const u32 group = blockIdx.x / 16;
    const u32 part = groups[2 * group], start = groups[2 * group + 1] + blockIdx.x % 16 * 256 + threadIdx.x;
    const u32 base = parts[2 * part], len = parts[2 * part + 1];
    const u32 *scales = layer + WORDS * part + SCALES;
    if (start >= len) return;
    float v[16];
#pragma unroll
    for (u32 r = 0; r < 16; r++) {
        u32 at = start + TILE * r;
        v[r] = at < len ? y[base + at] : 0.0f;
    }
    transform(v, start, 12, len, start / BLOCK < len / BLOCK);
#pragma unroll
    for (u32 r = 0; r < 16; r++) {
        u32 at = start + TILE * r;
        if (at < len) {
            float scaled = v[r] * __uint_as_float(scales[log_block(at, len)]);
            y[base + at] = (stream_value(key, (u64)base + at) >> 1 & 1) ? -scaled : scaled;
        }
    }
}

__device__ __forceinline__ float value_of(const float *y, const Place &place, u32 i) {
    const u32 value = place.first + i, line = value >> place.shift;
    if (line >= place.lines) return y[place.base + value];
    const u64 n = (u64)line * place.inverse;
    // The quotient, or one less.
    u32 at = (u32)(n - __umul64hi(n, place.magic) * place.lines);
    if (at >= place.lines) at -= place.lines;
    return y[place.base + (at << place.shift) + (value - (line << place.shift))];
}

// Square of four values in column i and row j of squares of one colour. Values beyond an odd side
// are not set.
__device__ __forceinline__ void square(const Level &level, u32 colour, const float *low, const float *y, u32 i, u32 j, float (&v)[4]) {
    const float half = 0.70710678118654752440f;
    const u32 w = level.w, h = level.h, columns = (w + 1) / 2, rows = (h + 1) / 2;
    const u32 across = w / 2 * rows, down = columns * (h / 2);
    const Place &place = level.details[colour];
    const float l = level.coarsest ? value_of(y, level.averages[colour], j * columns + i)
                                   : low[(colour * rows + j) * columns + i];
    const bool right = i < w / 2, below = j < h / 2;
    const float a = right ? value_of(y, place, j * (w / 2) + i) : 0.0f;
    const float d = below ? value_of(y, place, across + j * columns + i) : 0.0f;
    if (right && below) {
        const float b = value_of(y, place, across + down + j * (w / 2) + i);
        v[0] = 0.5f * ((l + a) + (d + b));
        v[1] = 0.5f * ((l - a) + (d - b));
        v[2] = 0.5f * ((l + a) - (d + b));
        v[3] = 0.5f * ((l - a) - (d - b));
    } else if (right) {
        v[0] = half * (l + a);
        v[1] = half * (l - a);
    } else if (below) {
        v[0] = half * (l + d);
        v[2] = half * (l - d);
    } else {
        v[0] = l;
    }
}

// Averages of the next finer level, three planes of w x h, from the averages of this level, `low`,
// and the details in `y`. A thread for each square.
extern "C" __global__ void __launch_bounds__(256) synthesise(Level level, const float *low, const float *y, float *out) {
    const u32 columns = (level.w + 1) / 2, n = columns * ((level.h + 1) / 2);
    const u32 at = blockIdx.x * THREADS + threadIdx.x;
    if (at >= n) return;
    const u32 i = at % columns, j = at / columns;
    for (u32 colour = 0; colour < 3; colour++) {
        float v[4];
        square(level, colour, low, y, i, j, v);
        float *to = out + (colour * level.h + 2 * j) * level.w + 2 * i;
        to[0] = v[0];
        if (2 * i + 1 < level.w) to[1] = v[1];
        if (2 * j + 1 < level.h) to[level.w] = v[2];
        if (2 * i + 1 < level.w && 2 * j + 1 < level.h) to[level.w + 1] = v[3];
    }
}

// The finest level: the three colours make z, and x goes to x_s in place. A thread for each square.
extern "C" __global__ void __launch_bounds__(256)
    step_bands(Level level, Mix mix, const float *low, const float *y, const float *x0_hat, float *x) {
    const u32 columns = (level.w + 1) / 2, n = columns * ((level.h + 1) / 2);
    const u32 at = blockIdx.x * THREADS + threadIdx.x;
    if (at >= n) return;
    const u32 i = at % columns, j = at / columns;
    float v[3][4];
#pragma unroll
    for (u32 colour = 0; colour < 3; colour++) square(level, colour, low, y, i, j, v[colour]);
#pragma unroll
    for (u32 plane = 0; plane < 3; plane++) {
#pragma unroll
        for (u32 k = 0; k < 4; k++) {
            const u32 column = 2 * i + k % 2, row = 2 * j + k / 2;
            if (column < level.w && row < level.h) {
                const u32 to = (plane * level.h + row) * level.w + column;
                float next = x0_hat[to] + mix.rho * (x[to] - x0_hat[to]);
#pragma unroll
                for (u32 colour = 0; colour < 3; colour++) next += mix.factors[colour][plane] * v[colour][k];
                x[to] = next;
            }
        }
    }
}

// The step where one part holds all `n` values of the planes.
extern "C" __global__ void __launch_bounds__(256)
    step_whole(Place place, float rho, float std, u32 n, const float *y, const float *x0_hat, float *x) {
    const u32 at = blockIdx.x * THREADS + threadIdx.x;
    if (at >= n) return;
    x[at] = x0_hat[at] + rho * (x[at] - x0_hat[at]) + std * value_of(y, place, at);
}

// i reflected into 0..n about both ends without repeating them.
__device__ __forceinline__ u32 mirrored(u32 i, u32 n) {
    if (n == 1) return 0;
    i %= 2 * n - 2;
    return i < n ? i : 2 * n - 2 - i;
}

// Window that the network sees of a tile: three planes of `wide` x `high`.
extern "C" __global__ void __launch_bounds__(256) extract(Window window, const float *x, float *tile) {
    const u32 at = blockIdx.x * THREADS + threadIdx.x;
    if (at >= 3 * window.wide * window.high) return;
    const u32 column = at % window.wide, row = at / window.wide % window.high, plane = at / window.wide / window.high;
    const u32 from = window.y + mirrored(row, window.h);
    tile[at] = x[(plane * window.height + from) * window.width + window.x + mirrored(column, window.w)];
}

__device__ __forceinline__ float clipped(float v, float most) {
    return v < -most ? -most : v > most ? most : v;
}

// Copies the core of the network's output for a tile into x0_hat, clipped to `most` both ways.
extern "C" __global__ void __launch_bounds__(256) keep(Window window, float most, const float *tile, float *x0_hat) {
    const u32 w = window.right - window.left, h = window.bottom - window.top;
    const u32 at = blockIdx.x * THREADS + threadIdx.x;
    if (at >= 3 * w * h) return;
    const u32 column = window.left + at % w, row = window.top + at / w % h, plane = at / w / h;
    const float v = tile[(plane * window.high + row - window.y) * window.wide + column - window.x];
    x0_hat[(plane * window.height + row) * window.width + column] = clipped(v, most);
}

// Averages of three planes of w x h over boxes of f x f. Boxes at the right and lower edges may be
// smaller.
extern "C" __global__ void __launch_bounds__(256) reduce(u32 w, u32 h, u32 f, const float *x, float *out) {
    const u32 columns = (w + f - 1) / f, rows = (h + f - 1) / f;
    const u32 at = blockIdx.x * THREADS + threadIdx.x;
    if (at >= 3 * columns * rows) return;
    const u32 left = at % columns * f, top = at / columns % rows * f, plane = at / columns / rows;
    const u32 right = left + f < w ? left + f : w, bottom = top + f < h ? top + f : h;
    float sum = 0.0f;
    for (u32 row = top; row < bottom; row++) {
        const float *from = x + (plane * h + row) * w;
        float line = 0.0f;
        for (u32 column = left; column < right; column++) line += from[column];
        sum += line;
    }
    out[at] = sum / (float)((right - left) * (bottom - top));
}

// Four neighbours among `from` box centres of position `i` among boxes of `f`, and their weights
// (Keys 1981, a = -1/2).
__device__ __forceinline__ void taps(u32 from, u32 f, u32 i, u32 (&at)[4], float (&weight)[4]) {
    // f is a power of two: all of this is exact.
    const int twice = 2 * (int)i + 1 - (int)f;
    const int base = (twice + 2 * (int)f) / (2 * (int)f) - 1;
    const double t = (double)(twice - base * 2 * (int)f) / (2.0 * f);
    weight[0] = (float)(((-0.5 * t + 1.0) * t - 0.5) * t);
    weight[1] = (float)((1.5 * t - 2.5) * t * t + 1.0);
    weight[2] = (float)(((-1.5 * t + 2.0) * t + 0.5) * t);
    weight[3] = (float)((0.5 * t - 0.5) * t * t);
#pragma unroll
    for (int k = 0; k < 4; k++) {
        int place = base + k - 1;
        at[k] = place < 0 ? 0 : place >= (int)from ? from - 1 : place;
    }
}

// Cubic interpolation of such averages back to three planes of w x h, clipped to the range of
// pixels.
extern "C" __global__ void __launch_bounds__(256) enlarge(u32 w, u32 h, u32 f, const float *x, float *out) {
    const u32 columns = (w + f - 1) / f, rows = (h + f - 1) / f;
    const u32 at = blockIdx.x * THREADS + threadIdx.x;
    if (at >= 3 * w * h) return;
    const float *plane = x + at / w / h * columns * rows;
    u32 across[4], down[4];
    float by[4], by_row[4];
    taps(columns, f, at % w, across, by);
    taps(rows, f, at / w % h, down, by_row);
    float sum = 0.0f;
#pragma unroll
    for (u32 j = 0; j < 4; j++) {
        float line = 0.0f;
#pragma unroll
        for (u32 i = 0; i < 4; i++) line += by[i] * plane[down[j] * columns + across[i]];
        sum += by_row[j] * line;
    }
    out[at] = clipped(sum, 127.5f);
}
