/*
 * Decodes a file as its bytes come, in pieces of 1 KB, and writes the picture as PNM or PAM.
 *
 *     cc -Wall -Wextra -Werror stream.c $(pkg-config --cflags --libs dcodec) -o stream
 *     ./stream picture.dfc picture.ppm
 *
 * With a third argument, a number of pixels, it writes a thumbnail instead.
 */
#include <dcodec.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1024 };

/* Ends the program if a call has failed. */
static void check(dcodec_status status, const char *call)
{
    if (status != DCODEC_STATUS_OK) {
        fprintf(stderr, "error: %s: %s (status %d)\n", call, dcodec_message(), (int)status);
        exit(1);
    }
}

static void *room(size_t size)
{
    void *at = malloc(size > 0 ? size : 1);
    if (at == NULL) {
        fprintf(stderr, "error: no memory for %zu bytes\n", size);
        exit(1);
    }
    return at;
}

/* Samples of 16 bits are written high byte first, as PNM has them. */
static void high_byte_first(unsigned char *samples, size_t size)
{
    for (size_t i = 0; i + 1 < size; i += 2) {
        uint16_t sample;
        memcpy(&sample, samples + i, sizeof sample);
        samples[i] = (unsigned char)(sample >> 8);
        samples[i + 1] = (unsigned char)(sample & 0xff);
    }
}

static void write_picture(const char *path, void *samples, const dcodec_layout *layout)
{
    static const char *const types[] = {"", "GRAYSCALE", "GRAYSCALE_ALPHA", "RGB", "RGB_ALPHA"};
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    unsigned most = layout->depth == 16 ? 65535 : 255;
    if (layout->channels % 2 == 1) {
        fprintf(file, "P%d\n%" PRIu32 " %" PRIu32 "\n%u\n", layout->channels == 3 ? 6 : 5,
                layout->width, layout->height, most);
    } else {
        fprintf(file,
                "P7\nWIDTH %" PRIu32 "\nHEIGHT %" PRIu32 "\nDEPTH %" PRIu32
                "\nMAXVAL %u\nTUPLTYPE %s\nENDHDR\n",
                layout->width, layout->height, layout->channels, most, types[layout->channels]);
    }
    size_t size = dcodec_layout_bytes(layout);
    if (layout->depth == 16) {
        high_byte_first(samples, size);
    }
    size_t written = fwrite(samples, 1, size, file);
    if (fclose(file) != 0 || written != size) {
        perror(path);
        exit(1);
    }
}

/* Pushes a piece, and says what it completes. */
static void take(dcodec_stream *stream, const uint8_t *piece, size_t size)
{
    while (size > 0) {
        dcodec_event event;
        size_t used;
        check(dcodec_stream_push(stream, piece, size, &used, &event), "dcodec_stream_push");
        piece += used;
        size -= used;
        dcodec_info info;
        if (event == DCODEC_EVENT_HEADER || event == DCODEC_EVENT_LAYER) {
            check(dcodec_stream_info(stream, &info), "dcodec_stream_info");
            fprintf(stderr, "%" PRIu32 "x%" PRIu32 ", %" PRIu64 " bytes, %" PRIu32 " layers\n",
                    info.layout.width, info.layout.height, info.file_bytes, info.layers);
        }
    }
}

static void whole(const dcodec_decoder *decoder, FILE *file, const char *to)
{
    dcodec_stream *stream;
    check(dcodec_stream_new(decoder, &stream), "dcodec_stream_new");
    uint8_t piece[PIECE];
    size_t size;
    while ((size = fread(piece, 1, sizeof piece, file)) > 0) {
        take(stream, piece, size);
    }
    dcodec_info info;
    check(dcodec_stream_info(stream, &info), "dcodec_stream_info");
    void *samples = room(dcodec_layout_bytes(&info.layout));
    dcodec_coverage coverage;
    check(dcodec_stream_show(stream, samples, &info.layout, &coverage), "dcodec_stream_show");
    fprintf(stderr, "%" PRIu64 " bytes, %s\n", coverage.bytes,
            coverage.complete ? "the whole file" : "a prefix");
    write_picture(to, samples, &info.layout);
    free(samples);
    dcodec_stream_free(stream);
}

static void thumbnail(const dcodec_decoder *decoder, FILE *file, const char *to, uint32_t longest)
{
    size_t size = 0, capacity = 0;
    uint8_t *data = NULL;
    do {
        if (size == capacity) {
            capacity = 2 * capacity + PIECE;
            data = realloc(data, capacity);
            if (data == NULL) {
                fprintf(stderr, "error: no memory for %zu bytes\n", capacity);
                exit(1);
            }
        }
        size += fread(data + size, 1, capacity - size, file);
    } while (!feof(file) && !ferror(file));
    dcodec_info info;
    dcodec_layout layout;
    check(dcodec_info_read(data, size, &info), "dcodec_info_read");
    check(dcodec_thumbnail_layout(&info, longest, &layout), "dcodec_thumbnail_layout");
    void *samples = room(dcodec_layout_bytes(&layout));
    check(dcodec_decoder_thumbnail(decoder, data, size, longest, samples, &layout, NULL),
          "dcodec_decoder_thumbnail");
    write_picture(to, samples, &layout);
    free(samples);
    free(data);
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: stream FILE.dfc PICTURE.pnm [LONGEST]\n");
        return 2;
    }
    if (dcodec_abi_version() != DCODEC_ABI_VERSION) {
        fprintf(stderr, "error: the library is of another ABI\n");
        return 1;
    }
    FILE *file = fopen(argv[1], "rb");
    if (file == NULL) {
        perror(argv[1]);
        return 1;
    }
    dcodec_decoder *decoder;
    check(dcodec_decoder_new(&decoder), "dcodec_decoder_new");
    if (argc == 4) {
        thumbnail(decoder, file, argv[2], (uint32_t)strtoul(argv[3], NULL, 10));
    } else {
        whole(decoder, file, argv[2]);
    }
    int failed = ferror(file);
    if (failed) {
        perror(argv[1]);
    }
    fclose(file);
    dcodec_decoder_free(decoder);
    return failed ? 1 : 0;
}
