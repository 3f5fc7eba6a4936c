//! The bad files: which clause each breaks, and how it was made.

use dcodec::container::{Header, Writer};
use dcodec::{BitDepth, Colour, Encoder, Target};

use crate::common;
use crate::units::{Units, check, head_of};

/// A bad file.
pub struct Bad {
    /// Name without `.dfc`.
    pub name: &'static str,
    /// The fault, in words.
    pub is: &'static str,
    /// The clause that it breaks, or that says what a decoder does not support.
    pub clause: &'static str,
    pub kind: Kind,
    pub make: fn() -> Vec<u8>,
}

/// The kind of an error (clause 21.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It breaks a rule.
    Malformed,
    /// A check is wrong.
    Damaged,
    /// It ends inside the header.
    Cut,
    /// It may be valid for another decoder. The error gives this name or number.
    Unsupported(&'static str),
}

use Kind::{Cut, Damaged, Malformed, Unsupported};

/// Rows of a table of files.
macro_rules! files {
    ($($name:literal, $clause:literal, $kind:expr, $is:literal, $make:expr;)*) => {
        &[$(Bad { name: $name, is: $is, clause: $clause, kind: $kind, make: $make }),*]
    };
}

/// All of them.
pub const BAD: &[Bad] = files! {
    "signature", "3.1", Malformed, "another signature", || patched(&head(), 1, b'X');
    "version", "3.2", Unsupported("version 2"), "version 2", || patched(&head(), 3, 2);
    "trellis", "3.10", Unsupported("trellis 3"), "trellis 3", || patched(&head(), 4, 1 | 3 << 3);
    "width-0", "3.4", Malformed, "a width of 0", || patched(&head(), 5, 0);
    "height-over", "3.5", Malformed, "a height of 2^20 + 1", height_over;
    "number-long", "1.2", Malformed, "a width that is not in its shortest form",
        || replaced(&head(), 5, 1, &[20 | 0x80, 0]);
    "prior", "3.6", Unsupported("00112233"), "a prior that nobody has", prior;
    "seed-0", "3.7", Malformed, "a seed of 0", seed_0;
    "start-over", "3.8", Malformed, "a start of 201", || patched(&head(), 11, 201);
    "header-check", "7.1", Damaged, "a wrong check of the header", || flipped(whole(), 13);
    "header-cut", "8.1", Cut, "a file that ends inside the header",
        || head()[..12].to_vec();
    "tag-40", "2.1", Malformed, "a tag that is no letter", || [head(), vec![0x40; 9]].concat();
    "tag-80", "2.1", Malformed, "a tag of a layer that goes down by nothing",
        || [head(), vec![0x80, 3, 1, 2]].concat();
    "part-name", "2.1", Malformed, "a name with a digit",
        || [head(), b"not4\x00\x00\x00\x00\x00".to_vec()].concat();
    "part-length", "1.2", Malformed, "a length of more than 64 bits",
        || [head(), b"note".to_vec(), vec![0xff; 12]].concat();
    "critical-part", "4.5", Unsupported("NEWS"), "an unknown critical part",
        || Units::of(&whole()).with(1, b"NEWS", b"of tomorrow").file();
    "part-head-check", "7.1", Damaged, "a wrong check of the head of a part",
        || damaged_part(5);
    "part-check", "7.1", Damaged, "a wrong check of the payload of a part",
        || damaged_part(9);
    "alpha-twice", "4.8", Malformed, "alpha twice",
        || with_alpha().with(0, b"ALPH", b"").with(1, b"ALPH", b"").file();
    "alpha-unannounced", "4.8", Malformed, "alpha without flag 1",
        || Units::of(&whole()).with(0, b"ALPH", b"").file();
    "alpha-missing", "4.8", Malformed, "an end marker before an announced alpha",
        || with_alpha().file();
    "alpha-behind-rest", "4.8", Malformed, "exact samples before an announced alpha",
        alpha_behind_rest;
    "alpha-low-first", "4.8", Malformed, "ALPL before ALPH", alpha_low_first;
    "alpha-low-of-8-bits", "4.8", Malformed, "ALPL of a picture of 8 bits",
        || with_alpha().with(0, b"ALPH", b"").with(1, b"ALPL", b"").file();
    "alpha-over", "4.7", Malformed, "alpha of more bytes than a picture of this size has",
        alpha_over;
    "span-of-8-bits", "4.13", Malformed, "SPAN of a picture of 8 bits",
        || Units::of(&whole()).with(0, b"SPAN", &[0; 4]).file();
    "span-short", "4.13", Malformed, "SPAN of three bytes", || deep().with(0, b"SPAN", &[0; 3]).file();
    "span-twice", "4.13", Malformed, "SPAN twice",
        || deep().with(0, b"SPAN", &[0; 4]).with(1, b"SPAN", &[0; 4]).file();
    "span-behind-a-layer", "4.13", Malformed, "SPAN behind a layer",
        || deep().with(1, b"SPAN", &[0; 4]).file();
    "rest-over", "4.7", Malformed, "exact samples of more bytes than the samples take", rest_over;
    "rest-twice", "4.12", Malformed, "exact samples twice", rest_twice;
    "layer-behind-rest", "4.12", Malformed, "a layer behind exact samples",
        || Units::of(&whole()).with(1, b"rest", &[0; 5]).file();
    "stages-over", "5.2", Malformed, "more stages than values", stages_over;
    "level-below-0", "5.5", Malformed, "a noise level below the lowest", level_below_0;
    "corrected-first", "5.9", Malformed, "a corrected layer before the network was called",
        || corrected(&[(0x41, 2), (0x41, 2)]);
    "corrected-second", "5.9", Malformed, "a corrected layer 1", || corrected(&[(1, 2), (0x41, 2)]);
    "step-0", "5.9", Malformed, "a layer that goes down by nothing, with flag 7",
        || corrected(&[(1, 2), (1, 2), (0x40, 2)]);
    "layer-damaged", "7.1", Damaged, "a wrong bit in a layer, which the next check tells",
        || flipped(whole(), 20);
    "large-layer-damaged", "7.1", Damaged, "a wrong check of a layer", large_layer_damaged;
    "end-check", "7.1", Damaged, "a wrong check of the end marker", end_check;
};

/// A whole file of a small picture.
fn whole() -> Vec<u8> {
    let picture = common::crop("chelsea.png", 190, 80, 20, 18);
    let encoder = Encoder::new(&common::prior())
        .target(Target::Quality(50.0))
        .corrections(false);
    encoder.encode(&picture).expect("encodes").bytes
}

/// The header of that file.
fn header() -> Header {
    Units::of(&whole()).header
}

/// The bytes of the header of that file.
fn head() -> Vec<u8> {
    Writer::new(&header()).cut(usize::MAX)
}

/// That file for a picture of 16 bits.
fn deep() -> Units {
    let mut units = Units::of(&whole());
    units.header.form.depth = BitDepth::Sixteen;
    units
}

/// That file with alpha announced.
fn with_alpha() -> Units {
    let mut units = Units::of(&whole());
    units.header.form.alpha = true;
    units
}

/// `head` with `n` bytes at an offset replaced, and the right check.
fn replaced(head: &[u8], at: usize, n: usize, by: &[u8]) -> Vec<u8> {
    let fields = [&head[..at], by, &head[at + n..head.len() - 2]].concat();
    [&fields[..], &check(&fields)].concat()
}

/// `head` with another byte at an offset, and the right check.
fn patched(head: &[u8], at: usize, byte: u8) -> Vec<u8> {
    replaced(head, at, 1, &[byte])
}

/// `file` with a wrong bit.
fn flipped(mut file: Vec<u8>, at: usize) -> Vec<u8> {
    file[at] ^= 4;
    file
}

fn height_over() -> Vec<u8> {
    replaced(&head(), 6, 1, &[0x81, 0x80, 0x40])
}

fn prior() -> Vec<u8> {
    let mut units = Units::of(&whole());
    units.header.prior.0 = [0x00, 0x11, 0x22, 0x33];
    units.file()
}

fn seed_0() -> Vec<u8> {
    let mut header = header();
    header.seed = 5;
    patched(&Writer::new(&header).cut(usize::MAX), 11, 0)
}

/// A file with a part whose byte at an offset is wrong.
fn damaged_part(at: usize) -> Vec<u8> {
    let file = Units::of(&whole()).with(1, b"note", b"of something").file();
    let head = head_of(&file, b"note");
    flipped(file, head + at)
}

fn alpha_behind_rest() -> Vec<u8> {
    let units = with_alpha();
    let end = units.units.len();
    let units = units.with(end, b"rest", &[0; 5]);
    units.with(end + 1, b"ALPH", b"").file()
}

fn alpha_low_first() -> Vec<u8> {
    let mut units = deep();
    units.header.form.alpha = true;
    units.with(0, b"ALPL", b"").with(1, b"ALPH", b"").file()
}

/// The head of a part with its check.
fn part_head(name: &[u8; 4], length: &[u8]) -> Vec<u8> {
    let head = [&name[..], length].concat();
    let check = check(&head);
    [&head[..], &check].concat()
}

fn alpha_over() -> Vec<u8> {
    let mut header = header();
    header.form.alpha = true;
    let head = Writer::new(&header).cut(usize::MAX);
    // 20 x 18 + 22 + 4096 = 4478.
    [head, part_head(b"ALPH", &[0xff, 0x22])].concat()
}

fn rest_over() -> Vec<u8> {
    // 3 x 20 x 18 + 16 = 1096.
    [head(), part_head(b"rest", &[0xc9, 0x08])].concat()
}

fn rest_twice() -> Vec<u8> {
    let units = Units::of(&whole());
    let end = units.units.len();
    let units = units.with(end, b"rest", &[0; 5]);
    units.with(end + 1, b"rest", &[0; 5]).file()
}

fn stages_over() -> Vec<u8> {
    let mut header = header();
    header.form.colour = Colour::Grey;
    let len = header.coded_len() as u32;
    let mut writer = Writer::new(&header);
    writer.layer(header.start.below(3), len + 1);
    writer.cut(usize::MAX)
}

fn level_below_0() -> Vec<u8> {
    let mut header = header();
    header.start = common::code(10);
    let mut writer = Writer::new(&header);
    writer.layer(common::code(5), 2);
    writer.body(&[0x12]);
    [writer.cut(usize::MAX), vec![0x86, 2, 0x34]].concat()
}

/// A file with flag 7 and layers of these tags, less 0x80, and stages.
fn corrected(layers: &[(u8, u8)]) -> Vec<u8> {
    let mut header = header();
    header.corrected = true;
    let mut file = Writer::new(&header).cut(usize::MAX);
    for &(tag, stages) in layers {
        file.extend([0x80 + tag, stages]);
        file.extend(vec![0x5a; usize::from(stages).div_ceil(2)]);
    }
    file
}

fn large_layer_damaged() -> Vec<u8> {
    let mut header = header();
    (header.form.width, header.form.height) = (64, 48);
    let mut writer = Writer::new(&header);
    writer.layer(header.start.below(2), 2060);
    writer.body(&common::Rng(11).bytes(1030));
    let layer = writer.layer(header.start.below(9), 8);
    writer.body(&[1, 2, 3, 4]);
    flipped(writer.finish(), layer.offset as usize + 3)
}

fn end_check() -> Vec<u8> {
    let file = whole();
    let last = file.len() - 1;
    flipped(file, last)
}
