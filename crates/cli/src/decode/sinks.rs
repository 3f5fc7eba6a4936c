//! Destinations of decoded pictures: a still picture, an animation, a folder of frames.

use std::path::{Path, PathBuf};

use dcodec::{BitDepth, Colour, Decoded, Exact, Metadata, Picture};
use dcodec_eval::Log;
use dcodec_eval::io::{self, output_name};
use dcodec_eval::save::{self, Format, write_picture};

use crate::args::Decode;
use crate::error::{Error, Result};
use crate::frames::{Animation, AnimationFormat, FrameFolder};
use crate::strip::Strip;
use crate::text::{destination, many};

/// The outputs of one file.
pub struct Sinks<'a> {
    /// The result as one picture.
    still: Option<(PathBuf, Format)>,
    animation: Option<(PathBuf, Animation)>,
    folder: Option<(PathBuf, FrameFolder)>,
    force: bool,
    background: Option<[u8; 3]>,
    strip: &'a Strip,
}

impl<'a> Sinks<'a> {
    /// The outputs that the flags name, checked before any work.
    pub fn new(a: &'a Decode, input: &Path, output: Option<&Path>) -> Result<Self> {
        let force = a.output.force;
        let format = a.format.as_deref();
        // Frames alone, if nothing else is asked for.
        let wanted = output.is_some() || a.progress_dir.is_none() || a.animate;
        let output = destination(output, input, format.unwrap_or("png"))?;
        let mut sinks = Sinks {
            still: None,
            animation: None,
            folder: None,
            force,
            background: a.background,
            strip: &a.strip,
        };
        if wanted {
            let shown_by = [&a.display.refiner, &a.display.postfilter];
            let others = shown_by.into_iter().chain([&a.prior.prior]).flatten();
            for input in others.map(PathBuf::as_path).chain([input]) {
                io::check_apart(input, &output)?;
            }
            io::check_destination(&output, force)?;
            let extension = output.extension().map(|e| e.to_string_lossy().into_owned());
            let called = format.map(str::to_owned).or(extension);
            match AnimationFormat::of(called.as_deref().unwrap_or("png"), a.animate)? {
                Some(format) => {
                    let animation = Animation::new(format, &output, force)?;
                    sinks.animation = Some((output, animation));
                }
                None => {
                    let format = save::picture_format(&output, format)?;
                    sinks.still = Some((output, format));
                }
            }
        }
        if let Some(path) = &a.progress_dir {
            let moves = |f: &&str| AnimationFormat::of(f, false).is_ok_and(|k| k.is_some());
            if let Some(format) = format.filter(|f| !wanted && moves(f)) {
                return Err(Error::Usage(format!(
                    "the frames of --progress-dir are still pictures, not {format} (add -o FILE.{format} for an animation)"
                )));
            }
            let extension = format.filter(|f| !moves(f));
            let folder = FrameFolder::new(path, extension.unwrap_or("png"), a.background, force)?;
            sinks.folder = Some((path.clone(), folder));
        }
        Ok(sinks)
    }

    /// Refuses a picture that a format cannot hold, `thumbnail` pixels along the longer side where
    /// that is asked for.
    pub fn check(
        &self,
        width: u32,
        height: u32,
        colour: Colour,
        thumbnail: Option<u32>,
    ) -> Result<()> {
        let shown = |side: u32| thumbnail.map_or(side, |longest| side.min(longest));
        let (width, height) = (shown(width), shown(height));
        if let Some((_, format)) = &self.still {
            format.check(width, height, colour)?;
        }
        if let Some((_, folder)) = &self.folder {
            folder.format().check(width, height, colour)?;
        }
        match &self.animation {
            Some((_, animation)) => animation.check(width, height),
            None => Ok(()),
        }
    }

    pub fn wants_frames(&self) -> bool {
        self.animation.is_some() || self.folder.is_some()
    }

    pub fn frame(&mut self, shown: &Decoded) -> Result<()> {
        if let Some((_, folder)) = &mut self.folder {
            let metadata = self.strip.apply(shown.metadata.clone());
            folder.write(&shown.picture, &metadata, &shown.coverage)?;
        }
        if let Some((_, animation)) = &mut self.animation {
            animation.frame(&shown.picture)?;
        }
        Ok(())
    }

    /// Writes the last picture and ends the outputs, which get the time of `input`; the name of the
    /// last one, for messages.
    pub fn finish(
        mut self,
        last: &Decoded,
        metadata: &Metadata,
        input: &Path,
        log: Log,
    ) -> Result<String> {
        // The ends of layers have been shown.
        let used = last.coverage;
        let more = used.partial > 0.0 || matches!(used.exact, Exact::All | Exact::Rows(_));
        if self.wants_frames() && (more || used.layers == 0) {
            self.frame(last)?;
        }
        let mut written = None;
        if let Some((path, folder)) = self.folder.take() {
            written = Some(format!(
                "{}: {}",
                output_name(&path),
                many(folder.frames(), "frame")
            ));
        }
        if let Some((path, animation)) = self.animation.take() {
            for loss in losses(&last.picture, metadata, animation.is_gif()) {
                log.say(format!("{}: note: {loss}", output_name(&path)));
            }
            let frames = animation.finish()?;
            io::keep_time(input, &path);
            written = Some(format!("{}: {}", output_name(&path), many(frames, "frame")));
        }
        if let Some((path, format)) = self.still.take() {
            let picture = save::blended(&last.picture, format, self.background);
            write_picture(&path, self.force, &picture, metadata, format, log)?;
            io::keep_time(input, &path);
            written = Some(output_name(&path));
        }
        Ok(written.unwrap_or_default())
    }
}

/// Losses of a picture in an animation.
fn losses(picture: &Picture, metadata: &Metadata, is_gif: bool) -> Vec<&'static str> {
    let half = |v: u16| v != 0 && v != picture.depth().max();
    let half = picture.alpha().is_some_and(|a| a.iter().any(half));
    let all = [
        (
            is_gif && half,
            "the format holds no half transparency: only what is invisible is left out",
        ),
        (
            metadata.icc.is_some(),
            "animations have no colour profile: colours count as sRGB there",
        ),
        (
            metadata.exif.is_some() || metadata.xmp.is_some(),
            "animations have no EXIF and no XMP here",
        ),
        (
            picture.depth() == BitDepth::Sixteen,
            "animations have 8 bits: samples of 16 bits were rounded",
        ),
    ];
    let lost = all.into_iter().filter(|(lost, _)| *lost);
    lost.map(|(_, loss)| loss).collect()
}
