// Layers of the denoiser as implicit matrix products on tensor cores (mma.sync m16n8k16, f16 in,
// f32 sums).
//
// PASSES 1: values and weights in f16. PASSES 2: values as the sum of two f16, hi + lo, 22 bits or
// more; weights in f16, exact for files in f16. PASSES 3: weights as hi + lo too, without the
// product lo * lo.
//
// Activations: [pixel][channel / 16][hi, lo][16] f16, P = 1 or 2 of the middle dimension. Weights:
// [output / NT][input / 16][hi, lo][tap][NT / 16][lane][8] f16, the registers of the B operand in
// the order of lanes: lane 4 g + q holds, of two tiles j of 8 outputs, inputs 2q, 2q + 1, 2q + 8,
// 2q + 9 of output 4 (g / 2) + 2j + g % 2. So a lane's four sums of a pixel are four neighbouring
// channels.
//
// A block has 4 warps of MW rows of 16 pixels, and NT output channels.

#include <cuda_fp16.h>

#ifndef PASSES
#define PASSES 2
#endif

// Shared memory of a block. Outside of the namespace, whose names have a hash of the source's path.
extern __shared__ uint4 memory[];

namespace {

constexpr int P = PASSES == 1 ? 1 : 2;
constexpr int WEIGHT_PARTS = PASSES == 3 ? 2 : 1;
constexpr int THREADS = 128;
constexpr int COLUMNS = 16;

enum Kind {
    SAME,  // 3 x 3 taps
    DOWN,  // 2 x 2 taps, stride 2
    UP,    // 1 tap to four times the channels, each quarter of them a position of a 2 x 2 square
    LAST,  // 3 x 3 taps, to planes
};

constexpr int side(Kind kind) { return kind == DOWN ? 2 : kind == UP ? 1 : 3; }

template <Kind KIND, int MW>
struct Tile {
    static constexpr int ROWS = 4 * MW;
    static constexpr int SIDE = side(KIND);
    static constexpr int TAPS = SIDE * SIDE;
    // Pixels of input in shared memory: with a frame of one, or for each tap by itself.
    static constexpr int STRIDE = SIDE == 3 ? COLUMNS + 2 : COLUMNS;
    static constexpr int PIXELS = SIDE == 3 ? (ROWS + 2) * STRIDE : TAPS * ROWS * COLUMNS;
    static constexpr int INPUT_BYTES = PIXELS * 32 * P;
};

__device__ inline unsigned shared_address(const void* p) {
    return static_cast<unsigned>(__cvta_generic_to_shared(p));
}

// 16 bytes to shared memory, or zeros.
__device__ inline void copy16(unsigned to, const void* from, bool there) {
    int bytes = there ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes));
}

__device__ inline void load_a(unsigned (&a)[4], unsigned address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
                 : "r"(address));
}

__device__ inline uint4 load_b(unsigned address) {
    uint4 b;
    asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(b.x), "=r"(b.y), "=r"(b.z), "=r"(b.w) : "r"(address));
    return b;
}

__device__ inline void mma(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Place of the 16 bytes `half` of a pixel. Eight neighbours meet eight different groups of banks.
__device__ inline int swizzled(int pixel, int half) {
    return pixel * 32 + ((half ^ (pixel >> 2 & 1)) << 4);
}

__device__ inline float4 unpack(uint2 v) {
    float2 a = __half22float2(*reinterpret_cast<__half2*>(&v.x));
    float2 b = __half22float2(*reinterpret_cast<__half2*>(&v.y));
    return make_float4(a.x, a.y, b.x, b.y);
}

__device__ inline uint2 pack(float4 v) {
    __half2 a = __floats2half2_rn(v.x, v.y), b = __floats2half2_rn(v.z, v.w);
    return make_uint2(*reinterpret_cast<unsigned*>(&a), *reinterpret_cast<unsigned*>(&b));
}

__device__ inline float4 load4(const __half* from) {
    float4 v = unpack(*reinterpret_cast<const uint2*>(from));
    if (P == 2) {
        float4 lo = unpack(*reinterpret_cast<const uint2*>(from + 16));
        v = make_float4(v.x + lo.x, v.y + lo.y, v.z + lo.z, v.w + lo.w);
    }
    return v;
}

__device__ inline void store4(__half* to, float4 v) {
    uint2 hi = pack(v);
    *reinterpret_cast<uint2*>(to) = hi;
    if (P == 2) {
        float4 h = unpack(hi);
        *reinterpret_cast<uint2*>(to + 16) = pack(make_float4(v.x - h.x, v.y - h.y, v.z - h.z, v.w - h.w));
    }
}

// Starts to load 16 input channels of the block's pixels, and zeros outside of the picture.
template <Kind KIND, int MW>
__device__ inline void load_input(unsigned to, const __half* x, int chunk, int chunks, int width, int height) {
    using T = Tile<KIND, MW>;
    const int x0 = blockIdx.x * COLUMNS, y0 = blockIdx.y * T::ROWS;
    const int step = KIND == DOWN ? 2 : 1;
    for (int i = threadIdx.x; i < T::PIXELS * 2 * P; i += THREADS) {
        const int half = i & 1, part = (i >> 1) % P, pixel = i / (2 * P);
        int col = pixel % T::STRIDE, row = pixel / T::STRIDE;
        if (T::SIDE == 3) {
            col += x0 - 1;
            row += y0 - 1;
        } else {
            const int tap = row / T::ROWS;
            col = step * (x0 + col) + tap % T::SIDE;
            row = step * (y0 + row % T::ROWS) + tap / T::SIDE;
        }
        const bool there = col >= 0 && row >= 0 && col < step * width && row < step * height;
        const size_t at = there ? static_cast<size_t>(row) * (step * width) + col : 0;
        const __half* from = x + ((at * chunks + chunk) * P + part) * 16 + half * 8;
        copy16(to + part * T::PIXELS * 32 + swizzled(pixel, half), from, there);
    }
}

template <Kind KIND, int NT, int MW>
__device__ inline void multiply(float (&sums)[MW][NT / 8][4], unsigned input, unsigned slab) {
    using T = Tile<KIND, MW>;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
#pragma unroll 1
    for (int ky = 0; ky < T::SIDE; ky++) {
#pragma unroll
        for (int kx = 0; kx < T::SIDE; kx++) {
            const int tap = ky * T::SIDE + kx;
            uint4 b[WEIGHT_PARTS][NT / 16];
#pragma unroll
            for (int part = 0; part < WEIGHT_PARTS; part++)
#pragma unroll
                for (int j = 0; j < NT / 16; j++)
                    b[part][j] = load_b(slab + ((part * T::TAPS + tap) * (NT / 16) + j) * 512 + lane * 16);
#pragma unroll
            for (int m = 0; m < MW; m++) {
                const int row = warp * MW + m;
                const int first = T::SIDE == 3 ? (row + ky) * T::STRIDE + kx : (tap * T::ROWS + row) * T::STRIDE;
                const unsigned at = input + swizzled(first + (lane & 15), lane >> 4);
                unsigned hi[4], lo[4];
                load_a(hi, at);
                if (P == 2) {
                    load_a(lo, at + T::PIXELS * 32);
#pragma unroll
                    for (int j = 0; j < NT / 16; j++) {
                        mma(sums[m][2 * j], lo, b[0][j].x, b[0][j].y);
                        mma(sums[m][2 * j + 1], lo, b[0][j].z, b[0][j].w);
                    }
                }
                if (WEIGHT_PARTS == 2) {
#pragma unroll
                    for (int j = 0; j < NT / 16; j++) {
                        mma(sums[m][2 * j], hi, b[WEIGHT_PARTS - 1][j].x, b[WEIGHT_PARTS - 1][j].y);
                        mma(sums[m][2 * j + 1], hi, b[WEIGHT_PARTS - 1][j].z, b[WEIGHT_PARTS - 1][j].w);
                    }
                }
#pragma unroll
                for (int j = 0; j < NT / 16; j++) {
                    mma(sums[m][2 * j], hi, b[0][j].x, b[0][j].y);
                    mma(sums[m][2 * j + 1], hi, b[0][j].z, b[0][j].w);
                }
            }
        }
    }
}

// Products of the block. `width` x `height` are the sides of the grid that blocks divide.
template <Kind KIND, int NT, int MW>
__device__ inline void products(float (&sums)[MW][NT / 8][4], const __half* x, const __half* weights, int chunks,
                                int width, int height) {
    using T = Tile<KIND, MW>;
    constexpr int SLAB = WEIGHT_PARTS * T::TAPS * NT * 32, STAGE = T::INPUT_BYTES + SLAB;
    const unsigned base = shared_address(memory);
    const char* slabs = reinterpret_cast<const char*>(weights) + static_cast<size_t>(blockIdx.z) * chunks * SLAB;
    auto load = [&](int chunk) {
        const unsigned stage = base + (chunk & 1) * STAGE;
        load_input<KIND, MW>(stage, x, chunk, chunks, width, height);
        const char* slab = slabs + static_cast<size_t>(chunk) * SLAB;
        for (int i = threadIdx.x * 16; i < SLAB; i += THREADS * 16) copy16(stage + T::INPUT_BYTES + i, slab + i, true);
        asm volatile("cp.async.commit_group;");
    };
#pragma unroll
    for (int m = 0; m < MW; m++)
#pragma unroll
        for (int j = 0; j < NT / 8; j++)
#pragma unroll
            for (int k = 0; k < 4; k++) sums[m][j][k] = 0;
    load(0);
    for (int chunk = 0; chunk < chunks; chunk++) {
        asm volatile("cp.async.wait_group 0;" ::: "memory");
        __syncthreads();
        if (chunk + 1 < chunks) load(chunk + 1);
        const unsigned stage = base + (chunk & 1) * STAGE;
        multiply<KIND, NT, MW>(sums, stage, stage + T::INPUT_BYTES);
    }
}

// Channels 4 (lane % 4).. of group j of 16, at the pixel lane / 4 + 8 r of row m of the warp,
// before the bias.
template <int NT, int MW>
__device__ inline float4 value(const float (&sums)[MW][NT / 8][4], int m, int j, int r, float unit) {
    const float *a = sums[m][2 * j], *b = sums[m][2 * j + 1];
    return make_float4(a[2 * r] * unit, a[2 * r + 1] * unit, b[2 * r] * unit, b[2 * r + 1] * unit);
}

// out = [residual +] product + bias, or scale * relu(product + bias) if there is a scale. `unit`
// undoes the weights' factor. `width` x `height`: sides of the output, of the input for UP.
// `in_chunks`, `out_chunks`: 16 channels of a pixel each.
template <Kind KIND, int NT, int MW>
__device__ inline void layer(const __half* x, const __half* weights, const float* bias, const float* scale,
                             const __half* residual, __half* out, int width, int height, int in_chunks, int out_chunks,
                             float unit) {
    float sums[MW][NT / 8][4];
    products<KIND, NT, MW>(sums, x, weights, in_chunks, width, height);
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int n0 = blockIdx.z * NT, place = KIND == UP ? n0 / (16 * out_chunks) : 0;
    const int chunk0 = n0 / 16 - place * out_chunks;
#pragma unroll
    for (int j = 0; j < NT / 16; j++) {
        const int n = n0 + 16 * j + 4 * (lane % 4);
        const float4 b = *reinterpret_cast<const float4*>(bias + n);
        float4 s = make_float4(1, 1, 1, 1);
        if (scale) s = *reinterpret_cast<const float4*>(scale + n);
#pragma unroll
        for (int m = 0; m < MW; m++) {
            const int row = (blockIdx.y * 4 + warp) * MW + m;
#pragma unroll
            for (int r = 0; r < 2; r++) {
                const int col = blockIdx.x * COLUMNS + lane / 4 + 8 * r;
                if (row >= height || col >= width) continue;
                const size_t pixel = KIND == UP
                    ? static_cast<size_t>(2 * row + place / 2) * (2 * width) + 2 * col + place % 2
                    : static_cast<size_t>(row) * width + col;
                const size_t at = (pixel * out_chunks + chunk0 + j) * (16 * P) + 4 * (lane % 4);
                float4 v = value<NT, MW>(sums, m, j, r, unit);
                v = make_float4(v.x + b.x, v.y + b.y, v.z + b.z, v.w + b.w);
                if (scale) {
                    v = make_float4(s.x * fmaxf(v.x, 0), s.y * fmaxf(v.y, 0), s.z * fmaxf(v.z, 0), s.w * fmaxf(v.w, 0));
                }
                if (residual) {
                    const float4 h = load4(residual + at);
                    v = make_float4(v.x + h.x, v.y + h.y, v.z + h.z, v.w + h.w);
                }
                store4(out + at, v);
            }
        }
    }
}

}  // namespace

// BLOCKS blocks should fit into the registers of a multiprocessor.
#define LAYER(NAME, KIND, NT, MW, BLOCKS)                                                                              \
    extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)                                                      \
        NAME(const __half* x, const __half* weights, const float* bias, const float* scale, const __half* residual,    \
             __half* out, int width, int height, int in_chunks, int out_chunks, float unit) {                          \
        layer<KIND, NT, MW>(x, weights, bias, scale, residual, out, width, height, in_chunks, out_chunks, unit);       \
    }
#define LAYERS(NT)                                                                                                     \
    LAYER(same_n##NT##_m1, SAME, NT, 1, 4)                                                                             \
    LAYER(same_n##NT##_m2, SAME, NT, 2, 3)                                                                             \
    LAYER(down_n##NT##_m2, DOWN, NT, 2, 3)                                                                             \
    LAYER(up_n##NT##_m2, UP, NT, 2, 3)

LAYERS(16)
LAYERS(32)
LAYERS(48)
LAYERS(64)
LAYERS(80)
LAYER(same_n48_m4, SAME, 48, 4, 3)
LAYER(same_n64_m4, SAME, 64, 4, 1)
LAYER(same_n80_m4, SAME, 80, 4, 1)

// Planes [3][2 height][2 width] f32 times c_in, to 16 channels of half the sides: 4 c + 2 dy + dx
// is plane c at (2y + dy, 2x + dx), the last four are 0.
extern "C" __global__ void __launch_bounds__(256)
    first(const float* planes, __half* out, int width, int height, float c_in) {
    const int x = blockIdx.x * 32 + threadIdx.x % 32, y = blockIdx.y * 8 + threadIdx.x / 32;
    if (x >= width || y >= height) return;
    __half* to = out + (static_cast<size_t>(y) * width + x) * (16 * P);
    const size_t plane = static_cast<size_t>(4) * width * height;
#pragma unroll
    for (int c = 0; c < 3; c++) {
        const float* from = planes + c * plane + static_cast<size_t>(2 * y) * (2 * width) + 2 * x;
        const float2 a = make_float2(from[0], from[1]), b = make_float2(from[2 * width], from[2 * width + 1]);
        store4(to + 4 * c, make_float4(c_in * a.x, c_in * a.y, c_in * b.x, c_in * b.y));
    }
    store4(to + 12, make_float4(0, 0, 0, 0));
}

// out = c_skip planes + c_out F, planes [3][2 height][2 width] f32, F the layer's 12 channels as in
// `first`.
extern "C" __global__ void __launch_bounds__(THREADS)
    last(const __half* x, const __half* weights, const float* bias, const float* planes, float* out, int width,
         int height, int in_chunks, float unit, float c_skip, float c_out) {
    constexpr int MW = 2;
    float sums[MW][2][4];
    products<LAST, 16, MW>(sums, x, weights, in_chunks, width, height);
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, plane = lane % 4;
    if (plane == 3) return;
    const float4 b = *reinterpret_cast<const float4*>(bias + 4 * plane);
#pragma unroll
    for (int m = 0; m < MW; m++) {
        const int row = (blockIdx.y * 4 + warp) * MW + m;
#pragma unroll
        for (int r = 0; r < 2; r++) {
            const int col = blockIdx.x * COLUMNS + lane / 4 + 8 * r;
            if (row >= height || col >= width) continue;
            const size_t at = static_cast<size_t>(plane * 2 * height + 2 * row) * (2 * width) + 2 * col;
            const float4 f = value<16, MW>(sums, m, 0, r, unit);
            out[at] = c_skip * planes[at] + c_out * (f.x + b.x);
            out[at + 1] = c_skip * planes[at + 1] + c_out * (f.y + b.y);
            out[at + 2 * width] = c_skip * planes[at + 2 * width] + c_out * (f.z + b.z);
            out[at + 2 * width + 1] = c_skip * planes[at + 2 * width + 1] + c_out * (f.w + b.w);
        }
    }
}
