// 3x3 convolutions, forward and backward, by minimal filtering F(4x4, 3x3) (Winograd 1980; Lavin and Gray 2016) for one CPU
// thread: 36 multiplications for 16 outputs where the sum over taps takes 144. winograd.py builds and calls it.
//
//   v = B^T d B   m = v u   y = A^T m A        d: 6x6 inputs, u = G g G^T, y: 4x4 outputs, for each pair of channels
//
// The backward pass is the adjoint: dm = A dy A^T, dv = dm u^T, dd = B dv B^T, du = v^T dm, dg = G^T du G.
// Pictures are [n][h][w][channels], weights [3][3][ci][co]; channels are multiples of 16.

#include <algorithm>
#include <vector>

namespace {

// A panel of 16 channels and as many rows as the registers hold.
#ifdef __AVX512F__
constexpr int LANES = 16, ROWS = 12;
#else
constexpr int LANES = 8, ROWS = 6;
#endif
constexpr int POINTS = 36, PANEL = 16, VECTORS = PANEL / LANES;
typedef float V __attribute__((vector_size(4 * LANES)));
typedef float U __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

inline V load(const float *p) { return *(const U *)p; }
inline void store(float *p, V v) { *(U *)p = v; }

// Rows of c, [rows][PANEL], from a, whose element (r, k) is a[r * row + k * step], and b, whose row k is b[k * across].
template <int R> inline void panel(const float *a, long row, long step, const float *b, long across, long depth, float *c, long out, bool add) {
    V acc[R][VECTORS];
    for (int r = 0; r < R; r++)
        for (int j = 0; j < VECTORS; j++) acc[r][j] = add ? load(c + r * out + j * LANES) : V{};
    for (long k = 0; k < depth; k++) {
        V w[VECTORS];
        for (int j = 0; j < VECTORS; j++) w[j] = load(b + k * across + j * LANES);
#pragma GCC unroll 12
        for (int r = 0; r < R; r++) {
            V x = a[r * row + k * step] - V{}; // a broadcast alone: x - 0 is x, where 0 + x is not for x = -0
            for (int j = 0; j < VECTORS; j++) acc[r][j] += x * w[j];
        }
    }
    for (int r = 0; r < R; r++)
        for (int j = 0; j < VECTORS; j++) store(c + r * out + j * LANES, acc[r][j]);
}

// As many panels of R rows as there are, then what is left.
template <int R> void product(const float *a, long row, long step, const float *b, long across, long depth, float *c, long out, long rows, bool add) {
    for (; rows >= R; rows -= R, a += R * row, c += R * out) panel<R>(a, row, step, b, across, depth, c, out, add);
    if constexpr (R > 1)
        if (rows > 0) product<R - 1>(a, row, step, b, across, depth, c, out, rows, add);
}

// B^T, A^T, A and B of columns.
inline void in(const V *d, V *v) {
    V a = d[4] - 4 * d[2], b = d[3] - 4 * d[1], c = d[4] - d[2], e = 2 * (d[3] - d[1]);
    v[0] = 4 * d[0] - 5 * d[2] + d[4];
    v[1] = a + b, v[2] = a - b, v[3] = c + e, v[4] = c - e;
    v[5] = 4 * d[1] - 5 * d[3] + d[5];
}
inline void out(const V *m, V *y) {
    V a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], e = m[3] - m[4];
    y[0] = m[0] + a + c, y[1] = b + 2 * e, y[2] = a + 4 * c, y[3] = b + 8 * e + m[5];
}
inline void out_adjoint(const V *y, V *m) {
    V a = y[0] + y[2], b = y[1] + y[3], c = y[0] + 4 * y[2], e = 2 * y[1] + 8 * y[3];
    m[0] = y[0], m[1] = a + b, m[2] = a - b, m[3] = c + e, m[4] = c - e, m[5] = y[3];
}
inline void in_adjoint(const V *v, V *d) {
    V a = v[1] + v[2], b = v[2] - v[1], c = v[3] + v[4], e = v[4] - v[3];
    d[0] = 4 * v[0], d[1] = 4 * b + 2 * e + 4 * v[5], d[2] = -5 * v[0] - 4 * a - c;
    d[3] = -b - 2 * e - 5 * v[5], d[4] = v[0] + a + c, d[5] = v[5];
}

// Transforms a square both ways: N values a side become M.
template <int N, int M, typename F> inline void both(F f, const V *from, V *to) {
    V half[N * M];
    for (int x = 0; x < N; x++) {
        V c[N], r[M];
        for (int y = 0; y < N; y++) c[y] = from[y * N + x];
        f(c, r);
        for (int y = 0; y < M; y++) half[y * N + x] = r[y];
    }
    for (int y = 0; y < M; y++) f(half + y * N, to + y * M);
}

// Memory that stays, as fresh pages cost more than what is done with them.
float *scratch(int which, size_t size) {
    static std::vector<float> kept[4];
    if (kept[which].size() < size) kept[which].resize(size);
    return kept[which].data();
}

struct Shape {
    long n, h, w, c;
    long across() const { return (w + 3) / 4; }
    long down() const { return (h + 3) / 4; }
    long tiles() const { return n * across() * down(); }
};

// Values of some tiles at each point, [POINTS][tiles][row]; padded, lest rows and points share a place in the cache.
struct Points {
    long row, point;
    float *data;
    Points(int which, long tiles, long c) : row(c + (c % 64 ? 0 : PANEL)), point(tiles * row + PANEL), data(scratch(which, POINTS * point)) {}
    float *at(int p, long tile) { return data + p * point + tile * row; }
};

// The pixels [from, from + N) of tile t in both directions, as offsets; -1 outside the picture.
template <int N> void places(const Shape &s, long t, int from, long *at) {
    long x = 4 * (t % s.across()) + from, y = 4 * (t / s.across() % s.down()) + from, i = t / s.across() / s.down();
    for (int j = 0; j < N; j++)
        for (int k = 0; k < N; k++) {
            bool inside = y + j >= 0 && y + j < s.h && x + k >= 0 && x + k < s.w;
            at[j * N + k] = inside ? ((i * s.h + y + j) * s.w + x + k) * s.c : -1;
        }
}

// Gathers N x N pixels of tiles first, first + 1, .., times `gate`, [n][channels], if there is one, and transforms them to points.
template <int N, typename F> void gather(F f, const float *x, const float *gate, const Shape &s, long first, long count, int from, Points &v) {
    for (long t = 0; t < count; t++) {
        long at[N * N];
        places<N>(s, first + t, from, at);
        const float *g = gate ? gate + (first + t) / (s.across() * s.down()) * s.c : nullptr;
        for (long c = 0; c < s.c; c += LANES) {
            V d[N * N], p[POINTS], scale = g ? load(g + c) : V{} + 1;
            for (int i = 0; i < N * N; i++) d[i] = at[i] < 0 ? V{} : load(x + at[i] + c) * scale;
            both<N, 6>(f, d, p);
            for (int i = 0; i < POINTS; i++) store(v.at(i, t) + c, p[i]);
        }
    }
}

// Transforms the points of tiles back to N x N pixels each; `put` gets the offset of a pixel's channels, the first of these, and values.
template <int N, typename F, typename P> void scatter(F f, Points &m, const Shape &s, long first, long count, int from, P put) {
    for (long t = 0; t < count; t++) {
        long at[N * N];
        places<N>(s, first + t, from, at);
        for (long c = 0; c < s.c; c += LANES) {
            V p[POINTS], r[N * N];
            for (int i = 0; i < POINTS; i++) p[i] = load(m.at(i, t) + c);
            both<6, N>(f, p, r);
            for (int i = 0; i < N * N; i++)
                if (at[i] >= 0) put(at[i] + c, c, r[i]);
        }
    }
}

// u = G g G^T as [point][co / PANEL][ci][PANEL].
void transform_weights(const float *w, long ci, long co, float *u) {
    const auto f = [](const V *g, V *r) {
        V a = (g[0] + g[2]) * (-1 / 6.f), b = g[1] * (-1 / 6.f), c = g[0] * (1 / 24.f) + g[2] * (1 / 6.f), d = g[1] * (1 / 12.f);
        r[0] = g[0] * 0.25f, r[1] = a + b, r[2] = a - b, r[3] = c + d, r[4] = c - d, r[5] = g[2];
    };
    for (long i = 0; i < ci; i++)
        for (long o = 0; o < co; o += LANES) {
            V g[9], r[POINTS];
            for (int k = 0; k < 9; k++) g[k] = load(w + (k * ci + i) * co + o);
            both<3, 6>(f, g, r);
            for (int p = 0; p < POINTS; p++) store(u + ((p * (co / PANEL) + o / PANEL) * ci + i) * PANEL + o % PANEL, r[p]);
        }
}

void weights_adjoint(const float *u, long ci, long co, float *w) {
    const auto f = [](const V *r, V *g) {
        V a = (r[1] + r[2]) * (-1 / 6.f), b = (r[2] - r[1]) * (1 / 6.f), c = r[3] + r[4], d = r[3] - r[4];
        g[0] = r[0] * 0.25f + a + c * (1 / 24.f), g[1] = b + d * (1 / 12.f), g[2] = a + c * (1 / 6.f) + r[5];
    };
    for (long i = 0; i < ci; i++)
        for (long o = 0; o < co; o += LANES) {
            V g[9], r[POINTS];
            for (int p = 0; p < POINTS; p++) r[p] = load(u + ((p * (co / PANEL) + o / PANEL) * ci + i) * PANEL + o % PANEL);
            both<6, 3>(f, r, g);
            for (int k = 0; k < 9; k++) store(w + (k * ci + i) * co + o, g[k]);
        }
}

// c[point] = a[point] u[point] for `count` tiles.
void products(Points &a, const float *u, long ci, long co, long count, Points &c) {
    for (int p = 0; p < POINTS; p++)
        for (long o = 0; o < co; o += PANEL, u += ci * PANEL)
            product<ROWS>(a.at(p, 0), a.row, 1, u, PANEL, ci, c.at(p, 0) + o, c.row, count, false);
}

// Tiles that are transformed together: their points stay in the cache while the weights pass by.
long together(long c) { return c < 64 ? 48 : 36; }

// Does `f` for some tiles after the other: the first, how many, and room for the points of inputs and outputs.
template <typename F> void blocks(const Shape &s, long co, F f) {
    const long block = together(s.c), all = s.tiles();
    Points v(0, block, s.c), m(1, block, co);
    for (long first = 0; first < all; first += block) f(first, std::min(block, all - first), v, m);
}

} // namespace

// y = w * (x gate) + bias, where `gate`, [n][ci], and `residual`, which is added, may be null; with `relu` its positive part.
extern "C" void conv_forward(const float *x, const float *gate, const float *w, const float *bias, const float *residual, float *y, long relu, long n, long h, long wd, long ci, long co) {
    Shape in_shape{n, h, wd, ci}, out_shape{n, h, wd, co};
    float *u = scratch(2, POINTS * ci * co);
    transform_weights(w, ci, co, u);
    blocks(in_shape, co, [&](long first, long count, Points &v, Points &m) {
        gather<6>(in, x, gate, in_shape, first, count, -1, v);
        products(v, u, ci, co, count, m);
        scatter<4>(out, m, out_shape, first, count, 0, [&](long at, long c, V z) {
            z += load(bias + c);
            if (relu) z = z > 0 ? z : V{};
            if (residual) z += load(residual + at);
            store(y + at, z);
        });
    });
}

// Adds the gradient of x gate to dx; writes dw and db. `wt` are the weights as [3][3][co][ci].
extern "C" void conv_backward(const float *x, const float *gate, const float *dy, const float *wt, float *dx, float *dw, float *db, long n, long h, long wd, long ci, long co) {
    Shape in_shape{n, h, wd, ci}, out_shape{n, h, wd, co};
    float *ut = scratch(2, POINTS * ci * co), *du = scratch(3, POINTS * ci * co);
    std::fill_n(du, POINTS * ci * co, 0.f);
    transform_weights(wt, co, ci, ut);
    blocks(in_shape, co, [&](long first, long count, Points &v, Points &m) {
        gather<6>(in, x, gate, in_shape, first, count, -1, v);
        gather<4>(out_adjoint, dy, nullptr, out_shape, first, count, 0, m);
        float *d = du;
        for (int p = 0; p < POINTS; p++)
            for (long o = 0; o < co; o += PANEL, d += ci * PANEL)
                product<ROWS>(v.at(p, 0), 1, v.row, m.at(p, 0) + o, m.row, count, d, PANEL, ci, true);
        products(m, ut, co, ci, count, v);
        scatter<6>(in_adjoint, v, in_shape, first, count, -1, [&](long at, long, V r) { store(dx + at, load(dx + at) + r); });
    });
    weights_adjoint(du, ci, co, dw);
    std::fill_n(db, co, 0.f);
    for (long i = 0; i < n * h * wd; i++)
        for (long c = 0; c < co; c += LANES) store(db + c, load(db + c) + load(dy + i * co + c));
}

// From d, the gradient of relu(z) gate, that of z in its place, and that of the gate, [n][c]; r = relu(z).
extern "C" void gate_backward(float *d, const float *r, const float *gate, float *dgate, long n, long pixels, long c) {
    std::fill_n(dgate, n * c, 0.f);
    for (long i = 0; i < n; i++, gate += c, dgate += c)
        for (long p = 0; p < pixels; p++, d += c, r += c)
            for (long k = 0; k < c; k += LANES) {
                V z = load(r + k), g = load(d + k);
                store(dgate + k, load(dgate + k) + z * g);
                store(d + k, z > 0 ? g * load(gate + k) : V{});
            }
}
