//! Pictures in buffers of the caller's.

use std::ffi::c_void;

use dcodec::{BitDepth, Colour, Error, Form, Picture, Result, Samples};

/// Places of the samples of a picture in a buffer: row by row from the top, pixel by pixel, the
/// samples of a pixel side by side. Samples of 16 bits are in the byte order of the machine and
/// need no alignment.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Columns, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
    /// Samples of a pixel: 1 grey, 2 grey and alpha, 3 red, green and blue, 4 these and alpha.
    /// Alpha is straight, not multiplied in.
    pub channels: u32,
    /// Bits of a sample, 8 or 16.
    pub depth: u32,
    /// Bytes from the start of a row to that of the next one. 0 means that rows follow without
    /// gaps. Bytes in the gaps are neither read nor written.
    pub stride: usize,
}

impl Layout {
    /// The layout without gaps of a picture of this form.
    pub fn of(form: &Form) -> Self {
        Layout {
            width: form.width,
            height: form.height,
            channels: form.colour.channels() as u32 + u32::from(form.alpha),
            depth: form.depth.bits(),
            stride: 0,
        }
    }

    /// Columns and rows of a thumbnail of at most `longest` pixels along the longer side.
    ///
    /// # Errors
    /// [`Error::Parameter`] for numbers that no buffer can have.
    pub fn fitted(&self, longest: u32) -> Result<(u32, u32)> {
        let (form, ..) = self.checked()?;
        Ok(form.fitted(longest))
    }

    /// The form of the picture, bytes of a row, and bytes from row to row.
    ///
    /// # Errors
    /// [`Error::Parameter`] for numbers that no buffer can have.
    fn checked(&self) -> Result<(Form, usize, usize)> {
        let Layout { width, height, .. } = *self;
        let refuse = |e: String| Err(Error::Parameter(e));
        if width == 0 || height == 0 {
            return refuse(format!(
                "a picture of {width}x{height} pixels has no pixels"
            ));
        }
        let (colour, alpha) = match self.channels {
            1 => (Colour::Grey, false),
            2 => (Colour::Grey, true),
            3 => (Colour::Rgb, false),
            4 => (Colour::Rgb, true),
            n => return refuse(format!("a pixel has 1 to 4 channels, not {n}")),
        };
        let depth = match self.depth {
            8 => BitDepth::Eight,
            16 => BitDepth::Sixteen,
            n => return refuse(format!("a sample has 8 or 16 bits, not {n}")),
        };
        let row = u64::from(width) * u64::from(self.channels) * depth.bytes();
        let row = usize::try_from(row).unwrap_or(usize::MAX);
        let stride = match self.stride {
            0 => row,
            stride if stride < row => {
                return refuse(format!(
                    "a stride of {stride} bytes is shorter than a row of {row}"
                ));
            }
            stride => stride,
        };
        let form = Form {
            width,
            height,
            colour,
            depth,
            alpha,
        };
        match stride as u128 * u128::from(height) > isize::MAX as u128 {
            true => refuse(format!(
                "{height} rows of {stride} bytes are more than memory holds"
            )),
            false => Ok((form, row, stride)),
        }
    }

    /// The picture in a buffer.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a null pointer or numbers that no buffer can have.
    ///
    /// # Safety
    /// `samples` is null or points at a buffer of this layout.
    pub unsafe fn read(&self, samples: *const c_void) -> Result<Picture> {
        let (form, row, stride) = self.checked()?;
        if samples.is_null() {
            return Err(Error::Parameter("samples is null".into()));
        }
        let rows = (0..form.height as usize).map(|y| {
            // SAFETY: row `y` is in the buffer, as the caller promises.
            unsafe { std::slice::from_raw_parts(samples.cast::<u8>().add(y * stride), row) }
        });
        let channels = form.colour.channels() + usize::from(form.alpha);
        let (colours, alpha) = match form.depth {
            BitDepth::Eight => {
                let (colours, alpha) = apart(rows.flatten().copied(), channels, form.alpha);
                (Samples::from(colours), alpha.map(Samples::from))
            }
            BitDepth::Sixteen => {
                let pairs = rows.flat_map(|row| row.chunks_exact(2));
                let samples = pairs.map(|pair| u16::from_ne_bytes([pair[0], pair[1]]));
                let (colours, alpha) = apart(samples, channels, form.alpha);
                (Samples::from(colours), alpha.map(Samples::from))
            }
        };
        Picture::from_samples(form.width, form.height, form.colour, colours, alpha)
    }

    /// [`Error::Parameter`] if a picture of this form cannot be written to a buffer of this layout.
    pub fn check_fits(&self, form: &Form) -> Result<()> {
        let (own, ..) = self.checked()?;
        if (own.width, own.height) != (form.width, form.height) {
            return Err(Error::Parameter(format!(
                "a buffer of {}x{} pixels for a picture of {}x{}",
                own.width, own.height, form.width, form.height
            )));
        }
        if own.colour == Colour::Grey && form.colour == Colour::Rgb {
            let e = format!(
                "a picture in colour needs 3 or 4 channels, not {}",
                self.channels
            );
            return Err(Error::Parameter(e));
        }
        Ok(())
    }

    /// Writes a picture to a buffer. Grey fills three channels, alpha that is absent is opaque,
    /// alpha without a channel is left out, and samples take the depth of the buffer.
    ///
    /// # Errors
    /// Those of [`Layout::check_fits`]; [`Error::Parameter`] for a null pointer.
    ///
    /// # Safety
    /// `samples` is null or has room for a buffer of this layout.
    pub unsafe fn write(&self, picture: &Picture, samples: *mut c_void) -> Result<()> {
        self.check_fits(&picture.form())?;
        let (form, row, stride) = self.checked()?;
        if samples.is_null() {
            return Err(Error::Parameter("samples is null".into()));
        }
        let narrow = match (form.depth, picture.depth()) {
            (BitDepth::Eight, BitDepth::Sixteen) => Some(picture.clone().into_eight()),
            _ => None,
        };
        let picture = narrow.as_ref().unwrap_or(picture);
        let mut bytes = Vec::with_capacity(row);
        for y in 0..form.height as usize {
            bytes.clear();
            write_row(picture, &form, y, &mut bytes);
            // SAFETY: row `y` is in the buffer, as the caller promises, and `bytes` is not.
            unsafe {
                let to = samples.cast::<u8>().add(y * stride);
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, row.min(bytes.len()));
            }
        }
        Ok(())
    }
}

/// Colours and alpha of interleaved samples.
fn apart<T: Copy>(
    samples: impl Iterator<Item = T>,
    channels: usize,
    alpha: bool,
) -> (Vec<T>, Option<Vec<T>>) {
    if !alpha {
        return (samples.collect(), None);
    }
    let (mut colours, mut veil) = (Vec::new(), Vec::new());
    for (i, sample) in samples.enumerate() {
        match i % channels == channels - 1 {
            true => veil.push(sample),
            false => colours.push(sample),
        }
    }
    (colours, Some(veil))
}

/// Appends row `y` of a picture in the colours and the depth of `form`, which is no shallower.
fn write_row(picture: &Picture, form: &Form, y: usize, out: &mut Vec<u8>) {
    let width = form.width as usize;
    let own = picture.colour().channels();
    let copies = form.colour.channels() / own;
    let mut put = |sample: u16| match (form.depth, picture.depth()) {
        (BitDepth::Eight, _) => out.push(sample as u8),
        (BitDepth::Sixteen, BitDepth::Eight) => out.extend((sample * 257).to_ne_bytes()),
        (BitDepth::Sixteen, BitDepth::Sixteen) => out.extend(sample.to_ne_bytes()),
    };
    for i in y * width..(y + 1) * width {
        for channel in 0..own {
            let sample = sample(picture.samples(), i * own + channel);
            (0..copies).for_each(|_| put(sample));
        }
        if form.alpha {
            let opaque = picture.depth().max();
            put(picture.alpha().map_or(opaque, |alpha| sample(alpha, i)));
        }
    }
}

fn sample(samples: &Samples, i: usize) -> u16 {
    match samples {
        Samples::Eight(own) => own[i].into(),
        Samples::Sixteen(own) => own[i],
    }
}

/// Bytes that a buffer of this layout has, or 0 if there can be none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_layout_bytes(layout: *const Layout) -> usize {
    // SAFETY: as the header states.
    let checked = unsafe { layout.as_ref() }.and_then(|layout| layout.checked().ok());
    checked.map_or(0, |(form, row, stride)| {
        (form.height as usize - 1) * stride + row
    })
}
