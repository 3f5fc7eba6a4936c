/*
 * dcodec for C: a progressive image codec whose prior is a diffusion model. docs/c.md has a guide, and
 * crates/capi/examples/stream.c is a program. This file is made of the Rust sources; do not edit it.
 *
 * Status. Functions that can fail return a dcodec_status, and dcodec_message tells the reason. A null
 * pointer is refused where something is needed, and nothing else can be checked: every other pointer
 * must point at what its type says, handles must come from this library and must not be freed twice,
 * and a buffer must be as large as its layout or size says.
 *
 * Threads. Different handles may be used in different threads at once. One encoder, decoder or prior
 * may be used by several threads at once as long as none sets or frees it, and each hears of the
 * progress in its own. A stream belongs to one thread at a time. A call uses all cores, in threads of
 * the library that stay for the next one; the environment variable RAYON_NUM_THREADS bounds them. A
 * child after fork() must not call it if the parent has.
 *
 * Memory. What a function hands over is freed by the function that its comment names. Where memory
 * runs out the process aborts; dcodec_decoder_set_max_memory and dcodec_encoder_set_max_memory refuse
 * pictures before that.
 */


#ifndef DCODEC_H
#define DCODEC_H

#include <stddef.h>
#include <stdint.h>

/*
 Version of the ABI that this header describes. Programs that were compiled with it work with
 every library of the same number, which is also that of the shared library's name on Unix:
 libdcodec.so.1. Functions may be added under one number; nothing else may change.
 */
#define DCODEC_ABI_VERSION 1

/*
 Result of every call that can fail. dcodec_message tells the reason.
 */
typedef enum dcodec_status {
    /*
     Success.
     */
    DCODEC_STATUS_OK = 0,
    /*
     The caller asked for something impossible: a null pointer, a number out of its range, or a
     picture of another size.
     */
    DCODEC_STATUS_PARAMETER = 1,
    /*
     The bytes are no file of dcodec, or are damaged, or end inside the header.
     */
    DCODEC_STATUS_FORMAT = 2,
    /*
     A valid file that this build cannot decode, for instance for it lacks the prior.
     */
    DCODEC_STATUS_UNSUPPORTED = 3,
    /*
     A valid file that needs another prior than the one that was set.
     */
    DCODEC_STATUS_WRONG_PRIOR = 4,
    /*
     The picture is over a limit, which the caller may raise.
     */
    DCODEC_STATUS_LIMITS = 5,
    /*
     The network failed, or its weights cannot be read.
     */
    DCODEC_STATUS_BACKEND = 6,
    /*
     The progress callback asked to stop.
     */
    DCODEC_STATUS_CANCELLED = 7,
    /*
     The system failed to read or write.
     */
    DCODEC_STATUS_IO = 8,
    /*
     A fault of the library. The handle of the call can only be freed.
     */
    DCODEC_STATUS_INTERNAL = 9,
} dcodec_status;

/*
 Exact share of a decoded picture.
 */
typedef enum dcodec_exact {
    /*
     Nothing.
     */
    DCODEC_EXACT_NONE = 0,
    /*
     exact_rows rows from the top.
     */
    DCODEC_EXACT_ROWS = 1,
    /*
     All of it, as its check proves.
     */
    DCODEC_EXACT_ALL = 2,
    /*
     Nothing, although the file is exact: this build cannot show it, or the check does not fit.
     */
    DCODEC_EXACT_UNUSABLE = 3,
} dcodec_exact;

/*
 Something that the bytes so far complete.
 */
typedef enum dcodec_event {
    /*
     All bytes are used up; nothing is complete yet.
     */
    DCODEC_EVENT_NEED_MORE = 0,
    /*
     The header: dcodec_stream_info has the size of the picture, and there is a first picture.
     */
    DCODEC_EVENT_HEADER = 1,
    /*
     Metadata, alpha, exact samples, or another part besides the layers.
     */
    DCODEC_EVENT_PART = 2,
    /*
     The head of a layer, whose bits follow.
     */
    DCODEC_EVENT_LAYER_HEAD = 3,
    /*
     A whole layer: the picture is better.
     */
    DCODEC_EVENT_LAYER = 4,
    /*
     The end of the file. Further bytes are ignored.
     */
    DCODEC_EVENT_END = 5,
} dcodec_event;

/*
 The way in which pictures are displayed.
 */
typedef enum dcodec_display {
    /*
     By the larger prior l and a post-filter: the picture of the command, with the best PSNR.
     */
    DCODEC_DISPLAY_RECOMMENDED = 0,
    /*
     By the prior of the file alone: the fastest.
     */
    DCODEC_DISPLAY_PLAIN = 1,
    /*
     As the first, but with texture that the bits make likely: closer to the original for the
     eye.
     */
    DCODEC_DISPLAY_VIVID = 2,
} dcodec_display;

/*
 Kind of metadata.
 */
typedef enum dcodec_metadata_kind {
    /*
     The ICC profile that the samples are meant in. Without one they are sRGB.
     */
    DCODEC_METADATA_KIND_ICC = 0,
    /*
     EXIF, from its byte order mark on.
     */
    DCODEC_METADATA_KIND_EXIF = 1,
    /*
     The XMP packet.
     */
    DCODEC_METADATA_KIND_XMP = 2,
} dcodec_metadata_kind;

/*
 The judge that files are made for.
 */
typedef enum dcodec_tune {
    /*
     The eye; PSNR where that is the target.
     */
    DCODEC_TUNE_USUAL = 0,
    /*
     The eye, by SSIMULACRA2.
     */
    DCODEC_TUNE_EYE = 1,
    /*
     RGB PSNR.
     */
    DCODEC_TUNE_PSNR = 2,
    /*
     None: everything is sent alike.
     */
    DCODEC_TUNE_PLAIN = 3,
} dcodec_tune;

/*
 The settings of a decode.
 */
typedef struct dcodec_decoder dcodec_decoder;

/*
 The settings of an encode.
 */
typedef struct dcodec_encoder dcodec_encoder;

/*
 A network. Encoders and decoders that it was set to share it, and it may be freed before them.
 */
typedef struct dcodec_prior dcodec_prior;

/*
 A decoder that takes bytes as they come and shows a picture at any time. It keeps its state, so
 that new bytes continue where the last ones ended.
 */
typedef struct dcodec_stream dcodec_stream;

/*
 Progress of an encode or a decode.
 */
typedef struct dcodec_progress {
    /*
     Bytes written or read.
     */
    uint64_t bytes;
    /*
     Estimated share of the work that is done, 0 to 1.
     */
    double done;
    /*
     Noise level in 8-bit levels, 0 before the first layer.
     */
    double sigma;
    /*
     Layers that are done.
     */
    uint32_t layers;
} dcodec_progress;

/*
 A function that hears of the progress in the thread of the call, after each layer. Where it
 returns anything but 0, the work stops and the call returns DCODEC_STATUS_CANCELLED. It must
 return: no longjmp, no exception of C++.
 */
typedef int (*dcodec_progress_function)(const struct dcodec_progress *progress, void *user);

/*
 Places of the samples of a picture in a buffer: row by row from the top, pixel by pixel, the
 samples of a pixel side by side. Samples of 16 bits are in the byte order of the machine and
 need no alignment.
 */
typedef struct dcodec_layout {
    /*
     Columns, at least 1.
     */
    uint32_t width;
    /*
     Rows, at least 1.
     */
    uint32_t height;
    /*
     Samples of a pixel: 1 grey, 2 grey and alpha, 3 red, green and blue, 4 these and alpha.
     Alpha is straight, not multiplied in.
     */
    uint32_t channels;
    /*
     Bits of a sample, 8 or 16.
     */
    uint32_t depth;
    /*
     Bytes from the start of a row to that of the next one. 0 means that rows follow without
     gaps. Bytes in the gaps are neither read nor written.
     */
    size_t stride;
} dcodec_layout;

/*
 The bytes that a picture was made from.
 */
typedef struct dcodec_coverage {
    /*
     Bytes of the file.
     */
    uint64_t bytes;
    /*
     Share of the next layer that had come, 0 to 1.
     */
    double partial;
    /*
     Noise level of the state that was shown, in 8-bit levels; 0 before the first layer.
     */
    double sigma;
    /*
     Whole layers.
     */
    uint32_t layers;
    /*
     1 if the end marker was reached.
     */
    uint32_t complete;
    /*
     Exact share of the picture.
     */
    enum dcodec_exact exact;
    /*
     Rows from the top that are exact.
     */
    uint32_t exact_rows;
} dcodec_coverage;

/*
 The contents of a file, as far as its bytes have come.
 */
typedef struct dcodec_info {
    /*
     The picture as the file has it, without gaps: a buffer to decode to.
     */
    struct dcodec_layout layout;
    /*
     Bytes of the header. Fewer are no picture.
     */
    uint64_t header_bytes;
    /*
     Bytes of the file up to its end marker, or all if that has not come.
     */
    uint64_t file_bytes;
    /*
     Whole layers.
     */
    uint32_t layers;
    /*
     1 if the end marker has come, 0 if the bytes are a prefix.
     */
    uint32_t complete;
    /*
     1 if the exact samples of the picture have come.
     */
    uint32_t exact;
    /*
     Identity of the prior that the file needs.
     */
    uint8_t prior[4];
} dcodec_info;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Makes a decoder for files of all priors inside the library, with the default limits: 100
 megapixels, 128 layers, any memory.
 */
enum dcodec_status dcodec_decoder_new(struct dcodec_decoder **decoder);

/*
 Frees a decoder. Null is ignored. Streams of it stay.
 */
void dcodec_decoder_free(struct dcodec_decoder *decoder);

/*
 Sets the prior of the files. Null is the one inside the library that a file needs.
 */
enum dcodec_status dcodec_decoder_set_prior(struct dcodec_decoder *decoder,
                                            const struct dcodec_prior *prior);

/*
 Sets how pictures are displayed: a dcodec_display.
 */
enum dcodec_status dcodec_decoder_set_display(struct dcodec_decoder *decoder, uint32_t display);

/*
 Refuses pictures of more pixels. The default is 100 million.
 */
enum dcodec_status dcodec_decoder_set_max_pixels(struct dcodec_decoder *decoder, uint64_t pixels);

/*
 Refuses pictures that would take more bytes of memory, before any work. The default is no limit.
 */
enum dcodec_status dcodec_decoder_set_max_memory(struct dcodec_decoder *decoder, uint64_t bytes);

/*
 Refuses files of more layers, each of which takes a call of the network. The default is 128; no
 file of the encoder has as many.
 */
enum dcodec_status dcodec_decoder_set_max_layers(struct dcodec_decoder *decoder, uint32_t layers);

/*
 Sets a function that hears of the progress and can stop the work, and a pointer that it is
 given. Null is none. It hears of decodes, not of thumbnails and streams.
 */
enum dcodec_status dcodec_decoder_set_progress(struct dcodec_decoder *decoder,
                                               dcodec_progress_function function,
                                               void *user);

/*
 Decodes a file, or any prefix of one that reaches past the header, to a buffer of the caller's.

 The width and the height of the layout are those of the picture, which dcodec_info_read tells.
 Channels and depth are the caller's choice: grey fills three channels, absent alpha is opaque,
 alpha without a channel is left out, and samples are brought to the depth. Only colours do not
 fit into 1 or 2 channels. Coverage may be null.
 */
enum dcodec_status dcodec_decoder_decode(const struct dcodec_decoder *decoder,
                                         const uint8_t *data,
                                         size_t size,
                                         void *samples,
                                         const struct dcodec_layout *layout,
                                         struct dcodec_coverage *coverage);

/*
 Decodes a thumbnail of at most `longest` pixels along the longer side, in a small part of the
 time, from as few of the first bytes as it needs. dcodec_thumbnail_layout tells its size.
 Channels and depth are as in dcodec_decoder_decode. Coverage may be null.
 */
enum dcodec_status dcodec_decoder_thumbnail(const struct dcodec_decoder *decoder,
                                            const uint8_t *data,
                                            size_t size,
                                            uint32_t longest,
                                            void *samples,
                                            const struct dcodec_layout *layout,
                                            struct dcodec_coverage *coverage);

/*
 Makes an encoder of quality 75 and effort 3.
 */
enum dcodec_status dcodec_encoder_new(struct dcodec_encoder **encoder);

/*
 Frees an encoder. Null is ignored.
 */
void dcodec_encoder_free(struct dcodec_encoder *encoder);

/*
 Ends files at this number of bits per pixel, headers included.
 */
enum dcodec_status dcodec_encoder_set_bpp(struct dcodec_encoder *encoder, double bpp);

/*
 Ends files at this number of bytes, headers included.
 */
enum dcodec_status dcodec_encoder_set_bytes(struct dcodec_encoder *encoder, uint64_t bytes);

/*
 Ends files where the decoded picture has this RGB PSNR in dB.
 */
enum dcodec_status dcodec_encoder_set_psnr(struct dcodec_encoder *encoder, double psnr);

/*
 Ends files at a quality, 0 to 100. The default is 75.
 */
enum dcodec_status dcodec_encoder_set_quality(struct dcodec_encoder *encoder, double quality);

/*
 Ends files at the exact picture. Their prefixes are lossy pictures.
 */
enum dcodec_status dcodec_encoder_set_lossless(struct dcodec_encoder *encoder);

/*
 Sets the effort, 1 (fastest) to 5 (smallest files). The default is 3. Effort 1 takes the prior
 xs, unless one is set.
 */
enum dcodec_status dcodec_encoder_set_effort(struct dcodec_encoder *encoder, uint32_t effort);

/*
 Sets the judge that files are made for: a dcodec_tune.
 */
enum dcodec_status dcodec_encoder_set_tune(struct dcodec_encoder *encoder, uint32_t tune);

/*
 Sets the prior. Null is the default one of the effort.
 */
enum dcodec_status dcodec_encoder_set_prior(struct dcodec_encoder *encoder,
                                            const struct dcodec_prior *prior);

/*
 Sets metadata that files carry besides the picture: a dcodec_metadata_kind and its bytes, which
 are copied. With a size of 0 there is none of the kind.
 */
enum dcodec_status dcodec_encoder_set_metadata(struct dcodec_encoder *encoder,
                                               uint32_t kind,
                                               const uint8_t *data,
                                               size_t size);

/*
 Refuses pictures that would take more bytes of memory, before any work. The default is no limit.
 */
enum dcodec_status dcodec_encoder_set_max_memory(struct dcodec_encoder *encoder, uint64_t bytes);

/*
 Sets a function that hears of the progress and can stop the work, and a pointer that it is
 given. Null is none.
 */
enum dcodec_status dcodec_encoder_set_progress(struct dcodec_encoder *encoder,
                                               dcodec_progress_function function,
                                               void *user);

/*
 Encodes the picture in a buffer of the caller's. The file is the library's: free it by
 dcodec_bytes_free. After an error the data is null and the size 0.
 */
enum dcodec_status dcodec_encoder_encode(const struct dcodec_encoder *encoder,
                                         const void *samples,
                                         const struct dcodec_layout *layout,
                                         uint8_t **data,
                                         size_t *size);

/*
 Reads the contents of a file or of a prefix of one. The network takes no part.
 */
enum dcodec_status dcodec_info_read(const uint8_t *data, size_t size, struct dcodec_info *info);

/*
 Reads metadata of a file: a dcodec_metadata_kind. If there is none, or it has not come, the
 data is null and the size 0. Free it by dcodec_bytes_free.
 */
enum dcodec_status dcodec_metadata_read(const uint8_t *data,
                                        size_t size,
                                        uint32_t kind,
                                        uint8_t **metadata,
                                        size_t *metadata_size);

/*
 The layout of a thumbnail of at most `longest` pixels along the longer side, without gaps, for
 dcodec_decoder_thumbnail. A picture that is no larger keeps its size.
 */
enum dcodec_status dcodec_thumbnail_layout(const struct dcodec_info *info,
                                           uint32_t longest,
                                           struct dcodec_layout *layout);

/*
 Bytes that a buffer of this layout has, or 0 if there can be none.
 */
size_t dcodec_layout_bytes(const struct dcodec_layout *layout);

/*
 Frees bytes that a function of this library gave, of the size that it gave. Null is ignored.
 */
void dcodec_bytes_free(uint8_t *data, size_t size);

/*
 Makes the handle of a prior inside the library: "s", the default, "xs", a quarter of the work
 and larger files, or "l", smaller files for twice the time. The network is loaded once, in its
 first use.
 */
enum dcodec_status dcodec_prior_named(const char *name, struct dcodec_prior **prior);

/*
 Makes a prior of the bytes of a weights file, which are not needed after the call.
 */
enum dcodec_status dcodec_prior_from_bytes(const uint8_t *data,
                                           size_t size,
                                           struct dcodec_prior **prior);

/*
 Frees a prior. Null is ignored.
 */
void dcodec_prior_free(struct dcodec_prior *prior);

/*
 Reason of the last failure in the calling thread: UTF-8 in English, without a full stop. It is
 empty if nothing has failed, and valid up to the thread's next failure.
 */
const char *dcodec_message(void);

/*
 Starts a stream with the settings of a decoder, which may be freed before it.
 */
enum dcodec_status dcodec_stream_new(const struct dcodec_decoder *decoder,
                                     struct dcodec_stream **stream);

/*
 Frees a stream. Null is ignored.
 */
void dcodec_stream_free(struct dcodec_stream *stream);

/*
 Takes bytes from the front of `data` until something is complete, and tells the number of bytes
 taken and the event. Push the rest until none is left; pieces may have any size. After an error
 the stream can only be freed.
 */
enum dcodec_status dcodec_stream_push(struct dcodec_stream *stream,
                                      const uint8_t *data,
                                      size_t size,
                                      size_t *used,
                                      enum dcodec_event *event);

/*
 Tells the contents of the file so far. Before the header that is DCODEC_STATUS_PARAMETER.
 */
enum dcodec_status dcodec_stream_info(const struct dcodec_stream *stream, struct dcodec_info *info);

/*
 Writes the picture of all bytes so far to a buffer of the caller's, as dcodec_decoder_decode
 does. It may be called at any time after the header, and the stream goes on. Coverage may be
 null.
 */
enum dcodec_status dcodec_stream_show(struct dcodec_stream *stream,
                                      void *samples,
                                      const struct dcodec_layout *layout,
                                      struct dcodec_coverage *coverage);

/*
 Points at metadata that has come: a dcodec_metadata_kind. If there is none, the data is null
 and the size 0. The bytes are the stream's, and valid up to its next call.
 */
enum dcodec_status dcodec_stream_metadata(struct dcodec_stream *stream,
                                          uint32_t kind,
                                          const uint8_t **data,
                                          size_t *size);

/*
 Version of the ABI of the library that runs. It equals DCODEC_ABI_VERSION where the library
 fits the header.
 */
uint32_t dcodec_abi_version(void);

/*
 Version of the library that runs, for instance "0.1.0". The text is never freed.
 */
const char *dcodec_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DCODEC_H */
