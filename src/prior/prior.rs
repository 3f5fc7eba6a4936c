//! A denoiser with its identity, and the rules that apply it to pictures of every size and noise
//! level (clause 14).

use std::borrow::Borrow;
use std::cell::Cell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use crate::codes::PriorId;
use crate::error::{Error, Result};
use crate::pixels::planes::{Planar, Planes};
use crate::prior::cpu::{Correction, DeferredCorrector, Kernel};
use crate::prior::denoiser::Denoiser;
use crate::prior::ensemble::{self, Orientation};
use crate::prior::on_device::{DeviceState, Geometry};
use crate::prior::scale;
use crate::prior::tiling::{CopyValues, Tiling, values_of};
use crate::prior::weights::Weights;
use crate::timings::{Activity, Meter};

/// Pixels of a large picture.
const LARGE: usize = 1 << 23;

/// A denoiser with its identity. Clones share the network.
#[derive(Clone)]
pub struct Prior {
    denoiser: Arc<dyn Denoiser>,
    /// Moves x0_hat on between two calls of the denoiser.
    corrector: Option<Arc<DeferredCorrector>>,
    id: PriorId,
}

impl fmt::Debug for Prior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prior")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Prior {
    /// A prior of your own: any denoiser, and the identity by which its files name it.
    pub fn new(denoiser: impl Denoiser + 'static, id: PriorId) -> Self {
        Prior {
            denoiser: Arc::new(denoiser),
            corrector: None,
            id,
        }
    }

    /// This prior with the corrector of a weights file, if that has one. A denoiser of your own
    /// that stands for the one of the file needs it for files with corrected layers.
    ///
    /// # Errors
    /// [`Error::Backend`] if no network can be made of the weights.
    pub fn with_corrector_of(self, weights: &Weights) -> Result<Self> {
        self.with_corrector_by(weights, Kernel::best())
    }

    /// This prior with the corrector of a weights file by this kernel, if the file has one.
    pub(crate) fn with_corrector_by(self, weights: &Weights, kernel: Kernel) -> Result<Self> {
        Ok(self.with_corrector(DeferredCorrector::of_weights(weights, kernel)?))
    }

    /// This prior with a corrector, if there is one.
    pub(crate) fn with_corrector(self, corrector: Option<DeferredCorrector>) -> Self {
        let corrector = corrector.map(Arc::new);
        Prior { corrector, ..self }
    }

    /// True if x0_hat can be moved on between two calls of the network. Files may then have
    /// corrected layers (clause 5.9).
    pub fn corrects(&self) -> bool {
        self.corrector.is_some()
    }

    /// Identity of this prior averaged over `n` orientations of the picture, one of
    /// [`ENSEMBLES`](super::ENSEMBLES) (clauses 3.6 and 14.9). It counts as another prior, since
    /// its files need the average.
    pub fn ensemble_id(&self, n: usize) -> PriorId {
        ensemble::ensemble_id(self.id, n)
    }

    /// True if mirrored and turned pictures are denoised as well as upright ones:
    /// [`Denoiser::any_orientation`].
    pub fn any_orientation(&self) -> bool {
        self.denoiser.any_orientation()
    }

    /// Size of the ensemble of this prior in files of the identity `id`. None if they need another
    /// prior.
    pub fn ensemble_of(&self, id: PriorId) -> Option<usize> {
        ensemble::ensemble_of(self.id, id)
    }

    /// True if every machine gets the bits of the reference arithmetic: [`Denoiser::is_reference`].
    pub fn is_reference(&self) -> bool {
        self.denoiser.is_reference()
    }

    /// Identity: the first four bytes of the SHA-256 of the weights file, or of a folder's files.
    pub fn id(&self) -> PriorId {
        self.id
    }

    /// Bytes that the network keeps after a call on planes of `width` x `height` averaged over `n`
    /// orientations, and bytes of the planes of one tile.
    pub(crate) fn memory(&self, width: usize, height: usize, n: usize) -> (u64, u64) {
        let (w, h) = self.tiling().largest(width, height);
        let planes = if n == 1 { 2 } else { 4 };
        let network = match n {
            8 => self.denoiser.memory(w, h).max(self.denoiser.memory(h, w)),
            _ => self.denoiser.memory(w, h),
        };
        (network, planes * 12 * (w * h) as u64)
    }

    /// Bytes that the corrector keeps after a call on planes of `width` x `height`, those of them
    /// that stay after [`Prior::release`], and bytes of the planes of one tile.
    pub(crate) fn corrector_memory(&self, width: usize, height: usize) -> (u64, u64, u64) {
        let Some(corrector) = &self.corrector else {
            return (0, 0, 0);
        };
        let (w, h) = Tiling::new(corrector.multiple(), None).largest(width, height);
        let tile = 4 * 12 * (w * h) as u64;
        (corrector.memory(w, h), corrector.kept(w, h), tile)
    }

    /// Bytes of [`Prior::memory`] that stay after [`Prior::release`].
    pub(crate) fn kept(&self, width: usize, height: usize) -> u64 {
        let (w, h) = self.tiling().largest(width, height);
        self.denoiser.kept(w, h)
    }

    /// Multiply-accumulates of one call for each pixel; 0 if unknown.
    pub(crate) fn macs_per_pixel(&self) -> f64 {
        self.denoiser.macs_per_pixel()
    }

    /// Frees all memory that the network keeps from one call to the next.
    pub(crate) fn release(&self) {
        self.denoiser.release();
        if let Some(corrector) = &self.corrector {
            corrector.release();
        }
    }

    /// True if networks free their buffers after each picture of this size: beside its arrays they
    /// would be much, and beside its calls it takes no time to have them anew.
    pub(crate) fn frees_buffers(&self, width: usize, height: usize) -> bool {
        width * height >= LARGE && !self.is_on_device()
    }

    /// [`Prior::release`] after work on a picture of this size, where that is large.
    fn release_after(&self, width: usize, height: usize) {
        if self.frees_buffers(width, height) {
            self.release();
        }
    }

    /// Highest noise level in 8-bit levels at which a picture of this size is denoised well.
    pub fn highest_sigma(&self, width: usize, height: usize) -> f64 {
        let finest = self.denoiser.highest_sigma(width, height);
        finest * scale::factor(f64::INFINITY, finest, width, height) as f64
    }

    fn tiling(&self) -> Tiling {
        Tiling::new(self.denoiser.multiple(), self.denoiser.tile_side())
    }

    /// x0_hat = E\[x_0 | x_t\] in 8-bit levels, clipped to the range of pixels. `sigma` is the
    /// noise of `x_t` in 8-bit levels.
    ///
    /// Above the network's highest level, usually 256, the picture is averaged over boxes, which
    /// divides the noise by their side. The averages are denoised and interpolated back, as only
    /// coarse scales can be seen through such noise. Sides are extended by reflection, large
    /// pictures run in overlapping tiles.
    ///
    /// # Errors
    /// As [`Denoiser::denoise`].
    pub fn x0_hat(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        self.predict(x_t, sigma, 1, &Meter::default())
    }

    /// x0_hat averaged over the first `n` orientations of the picture, timed.
    pub(crate) fn predict(
        &self,
        x_t: impl Borrow<Planes>,
        sigma: f64,
        n: usize,
        meter: &Meter,
    ) -> Result<Planes> {
        meter.time(Activity::Network, || {
            let (x0_hat, pixels) = self.denoise_any_size(x_t, sigma, n)?;
            meter.count_call(self.denoiser.macs_per_pixel() * pixels as f64);
            Ok(x0_hat)
        })
    }

    /// Factor by which the picture is reduced before the network sees it.
    fn factor(&self, (width, height): (usize, usize), sigma: f64) -> usize {
        let finest = self.denoiser.highest_sigma(width, height);
        scale::factor(sigma, finest, width, height)
    }

    /// x0_hat, and the number of pixels that the network saw. An x_t that is given away is freed
    /// before x0_hat is enlarged.
    fn denoise_any_size(
        &self,
        x_t: impl Borrow<Planes>,
        sigma: f64,
        n: usize,
    ) -> Result<(Planes, usize)> {
        let (width, height) = (x_t.borrow().width, x_t.borrow().height);
        let f = self.factor((width, height), sigma);
        let mut pixels = 0;
        let mut denoise = |x: &Planes, sigma: f64| {
            self.tiling().apply(x, |tile| {
                pixels += n * tile.width * tile.height;
                self.ensemble_mean(tile, sigma, 0..n)
            })
        };
        let mut x0_hat = if f == 1 {
            denoise(x_t.borrow(), sigma)?
        } else {
            let noisy = scale::reduce(x_t.borrow(), f);
            drop(x_t);
            let small = denoise(&noisy, sigma / f as f64)?;
            drop(noisy);
            scale::enlarge(&small, f, width, height)
        };
        self.release_after(width, height);
        let clip = |v: &mut f32| *v = v.clamp(-127.5, 127.5);
        x0_hat
            .data
            .par_iter_mut()
            .with_min_len(1 << 14)
            .for_each(clip);
        Ok((x0_hat, pixels))
    }

    /// x0_hat of one tile, averaged over `orientations`, places in the order of clause 14.9.
    fn ensemble_mean(
        &self,
        tile: &Planes,
        sigma: f64,
        orientations: Range<usize>,
    ) -> Result<Planes> {
        if orientations == (0..1) {
            return self.denoiser.denoise(tile, sigma);
        }
        let share = 1.0 / orientations.len() as f32;
        let mut sum = Planes::zeros(tile.width, tile.height);
        for orientation in Orientation::all(orientations) {
            let x0_hat = self.denoiser.denoise(&orientation.of(tile), sigma)?;
            orientation.add_back(&x0_hat, &mut sum);
        }
        sum.data
            .par_iter_mut()
            .with_min_len(1 << 14)
            .for_each(|v| *v *= share);
        Ok(sum)
    }

    /// Extends `x0_hat`, the average over the first orientations of x_t, by the orientations
    /// `more`. It stays as it is where the picture is reduced first.
    pub(crate) fn extend_ensemble(
        &self,
        x0_hat: &mut Planes,
        x_t: &Planes,
        sigma: f64,
        more: Range<usize>,
        meter: &Meter,
    ) -> Result<()> {
        if more.is_empty() || self.factor((x_t.width, x_t.height), sigma) > 1 {
            return Ok(());
        }
        let share = more.start as f32 / more.end as f32;
        meter.time(Activity::Network, || {
            let mut pixels = 0;
            let denoise = |tile: &Planes| {
                pixels += more.len() * tile.width * tile.height;
                self.ensemble_mean(tile, sigma, more.clone())
            };
            let change = |to: &mut f32, more: f32| {
                *to = share * *to + (1.0 - share) * more.clamp(-127.5, 127.5);
            };
            self.tiling().update(x_t, x0_hat, denoise, change)?;
            self.release_after(x_t.width, x_t.height);
            meter.count_call(self.denoiser.macs_per_pixel() * pixels as f64);
            Ok(())
        })
    }

    /// x0_hat of `x_s`, moved on from that of x_t, the state of the last call of the network
    /// (clause 14.10). `x_t` and `x0_hat` write their values into a row: those from index `first`
    /// of the planes.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if this prior has no corrector; [`Error::Backend`] if the network
    /// fails.
    pub(crate) fn correct(
        &self,
        step: Correction,
        x_s: &Planes,
        x_t: &CopyValues<'_>,
        x0_hat: &CopyValues<'_>,
        meter: &Meter,
    ) -> Result<Planes> {
        let corrector = self.corrector.as_ref().ok_or_else(|| {
            let e = "the file has corrected layers, and its prior has no corrector";
            Error::Unsupported(e.into())
        })?;
        meter.time(Activity::Network, || {
            let mut pixels = 0;
            let correct = |planes: [&Planes; 3]| {
                pixels += planes[0].width * planes[0].height;
                corrector.correct(step, planes)
            };
            let mut out = Planes::zeros(x_s.width, x_s.height);
            let change = |to: &mut f32, v: f32| *to = v.clamp(-127.5, 127.5);
            let tiling = Tiling::new(corrector.multiple(), None);
            tiling.compose([&values_of(x_s), x_t, x0_hat], &mut out, correct, change)?;
            self.release_after(out.width, out.height);
            meter.count_correction(corrector.macs_per_pixel() * pixels as f64);
            Ok(out)
        })
    }

    /// Samples of 16 bits that `make` makes of x_0, tile by tile. `make` is given the denoiser too,
    /// which takes planes as an x_t of a noise level, at most the network's highest.
    pub(crate) fn map_tiles(
        &self,
        x_0: &Planar,
        meter: &Meter,
        mut make: impl FnMut(&Planes, &dyn Fn(&Planes, f64) -> Result<Planes>) -> Result<Planes>,
    ) -> Result<Planar> {
        let highest = self.denoiser.highest_sigma(x_0.width, x_0.height);
        let (seen, mut pixels) = (Cell::new(0), 0);
        let denoise = |x: &Planes, sigma: f64| {
            seen.set(seen.get() + x.len() / 3);
            let call = || self.denoiser.denoise(x, sigma.min(highest));
            meter.time(Activity::Network, call)
        };
        let made = self.tiling().map_tiles(x_0, |tile| {
            pixels += tile.len() / 3;
            make(tile, &denoise)
        })?;
        self.release_after(x_0.width, x_0.height);
        // A call for the whole picture is one call for each tile.
        let macs = self.denoiser.macs_per_pixel() * pixels as f64;
        (0..seen.get() / pixels).for_each(|_| meter.count_call(macs));
        Ok(made)
    }

    /// eps_hat = (x_t - x0_hat) / sigma, the noise that DDPM's network predicts, in units of sigma.
    ///
    /// # Errors
    /// As [`Prior::x0_hat`].
    pub fn eps_hat(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        let mut eps = self.x0_hat(x_t, sigma)?;
        eps.data
            .iter_mut()
            .zip(&x_t.data)
            .for_each(|(e, x)| *e = (x - *e) / sigma as f32);
        Ok(eps)
    }

    /// Allocates x_t of this geometry on the network's device. None if the network runs on the
    /// machine, or the device has no room.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the device fails.
    pub(crate) fn device_state(&self, geometry: &Geometry) -> Result<Option<Box<dyn DeviceState>>> {
        match self.denoiser.clone().on_device() {
            Some(network) => network.state(geometry, self.tiling()),
            None => Ok(None),
        }
    }

    /// True if the network's device can keep x_t.
    pub(crate) fn is_on_device(&self) -> bool {
        self.denoiser.clone().on_device().is_some()
    }

    /// Predicts x0_hat from an x_t on the device, `size` columns and rows, timed. Returns the
    /// result of `meanwhile`, which runs while the device works.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the device fails.
    pub(crate) fn predict_on_device<T>(
        &self,
        state: &mut dyn DeviceState,
        size: (usize, usize),
        sigma: f64,
        meter: &Meter,
        meanwhile: impl FnOnce() -> T,
    ) -> Result<T> {
        let f = self.factor(size, sigma);
        let sigma = sigma / f as f64;
        let pixels = meter.time(Activity::Network, || state.predict(f, sigma))?;
        let done = meanwhile();
        meter.time(Activity::Network, || state.wait())?;
        meter.count_call(self.denoiser.macs_per_pixel() * pixels as f64);
        Ok(done)
    }
}
