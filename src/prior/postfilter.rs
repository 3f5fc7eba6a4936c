//! The post-filter: a small network that sees the picture that is to be displayed, and what x_t
//! holds beyond it.
//!
//! x0_hat is the mean of x_0 given x_t = x_0 + white noise. In a file that is not quite so: its end
//! is that of a filtered picture, of a cut layer, of bands that were sent more or less than their
//! shift. The post-filter has learned from files what is left to mend, as the loop filters of video
//! codecs mend what their quantisers have left. It also takes back what one orientation of a prior
//! has lost to the average over more.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::pixels::planes::Planes;
use crate::prior::cpu::{Kernel, PostfilterNetwork, postfilter_memory};
use crate::prior::tiling::Tiling;
use crate::prior::weights::{self, Config, Inside, Part, Weights};
use crate::timings::{Activity, Meter};

/// Highest noise level in 8-bit levels at which pictures are filtered. Through heavier noise they
/// are seen reduced.
const HIGHEST: f64 = 256.0;

/// The files of [`Look::ALL`] inside the program.
#[cfg(feature = "prior-l")]
static SHIPPED: Option<[Inside; 2]> = {
    // Nothing refers to them by an identity.
    let id = crate::codes::PriorId([0; 4]);
    let mean = include_bytes!(concat!(env!("OUT_DIR"), "/postfilter.apart"));
    let vivid = include_bytes!(concat!(env!("OUT_DIR"), "/vivid.apart"));
    Some([Inside { apart: mean, id }, Inside { apart: vivid, id }])
};
#[cfg(not(feature = "prior-l"))]
static SHIPPED: Option<[Inside; 2]> = None;

/// The aim of a post-filter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Look {
    /// The least squared error: the best PSNR, smooth where the bits say nothing.
    #[default]
    Mean,
    /// Close to the original as eyes see it: the texture that the bits and their noise make likely,
    /// for a little PSNR. It was trained for LPIPS and SSIMULACRA2 beside the squared error.
    Vivid,
}

impl Look {
    /// All of them.
    pub const ALL: [Look; 2] = [Look::Mean, Look::Vivid];
}

/// A post-filter of displayed pictures. Clones share the network.
#[derive(Clone)]
pub struct Postfilter(Arc<Deferred>);

/// The network, which is made in its first call.
struct Deferred {
    /// A file inside the program. None for a network that is made already.
    file: Option<Inside>,
    config: Config,
    network: OnceLock<PostfilterNetwork>,
}

impl fmt::Debug for Postfilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = &self.0.config;
        f.debug_struct("Postfilter")
            .field("config", config)
            .finish_non_exhaustive()
    }
}

impl Postfilter {
    /// True in builds with the feature `prior-l`, a default one. Others have no post-filters.
    pub const AVAILABLE: bool = cfg!(feature = "prior-l");

    /// The post-filter for files of the shipped priors, if this build has it. There is one for all
    /// users in the process.
    pub fn shipped(look: Look) -> Option<Self> {
        static SHARED: [OnceLock<Option<Postfilter>>; Look::ALL.len()] =
            [const { OnceLock::new() }; Look::ALL.len()];
        let load = || {
            let file = SHIPPED?[look as usize];
            let head = file.head_of(Part::Postfilter).ok()?;
            Some(Postfilter(Arc::new(Deferred {
                file: Some(file),
                config: head.config,
                network: OnceLock::new(),
            })))
        };
        SHARED[look as usize].get_or_init(load).clone()
    }

    /// Reads a post-filter from a weights file.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Backend`] if it is damaged, or that of a
    /// prior; [`Error::Unsupported`] in builds without post-filters.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        Postfilter::from_bytes(&weights::read(path.as_ref())?)
    }

    /// Reads a post-filter from the bytes of a weights file.
    ///
    /// # Errors
    /// As [`Postfilter::from_file`]; [`Error::Unsupported`] in builds without post-filters.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if !Postfilter::AVAILABLE {
            let e = "this build has no post-filters: it lacks the feature prior-l";
            return Err(Error::Unsupported(e.into()));
        }
        let weights = Weights::of_network(bytes, Part::Postfilter)?;
        Ok(Postfilter(Arc::new(Deferred {
            file: None,
            config: weights.config().clone(),
            network: PostfilterNetwork::new(&weights, Kernel::best())?.into(),
        })))
    }

    /// Filters `picture`, the x0_hat of an `x_t` with noise of `sigma` levels.
    ///
    /// # Errors
    /// [`Error::Backend`] for damaged weights; [`Error::Parameter`] if the planes' data has the
    /// wrong length.
    pub(crate) fn apply(
        &self,
        x_t: &Planes,
        sigma: f64,
        picture: &mut Planes,
        meter: &Meter,
    ) -> Result<()> {
        if sigma > HIGHEST {
            return Ok(());
        }
        let network = self.network()?;
        let mut pixels = 0;
        let filter = |planes: [&Planes; 2]| {
            pixels += planes[0].width * planes[0].height;
            network.filter(sigma, planes)
        };
        let replace = || self.tiling().replace(x_t, picture, filter);
        meter.time(Activity::Network, replace)?;
        network.release();
        let clip = |v: &mut f32| *v = v.clamp(-127.5, 127.5);
        let values = picture.data.par_iter_mut().with_min_len(1 << 14);
        values.for_each(clip);
        let macs = self.0.config.macs_of(Part::Postfilter);
        meter.count_macs(macs * pixels as f64);
        Ok(())
    }

    /// Bytes that a call on planes of `width` x `height` takes for the network, and for planes of
    /// tiles.
    pub(crate) fn memory(&self, width: usize, height: usize) -> (u64, u64) {
        let (w, h) = self.tiling().largest(width, height);
        let network = postfilter_memory(&self.0.config, w, h);
        // Two pictures and their result.
        let tile = 3 * 12 * (w * h) as u64;
        (network, tile + self.tiling().waiting(width, height))
    }

    fn tiling(&self) -> Tiling {
        Tiling::new(self.0.config.multiple(), None)
    }

    fn network(&self) -> Result<&PostfilterNetwork> {
        let Deferred { file, network, .. } = &*self.0;
        if let Some(network) = network.get() {
            return Ok(network);
        }
        let file = file.ok_or_else(|| Error::Backend("a post-filter without weights".into()))?;
        let weights = Weights::of_network(&file.file(), Part::Postfilter)?;
        // Not inside the lock: a thread of the pool that waits for others may come here again.
        let made = PostfilterNetwork::new(&weights, Kernel::best())?;
        Ok(network.get_or_init(|| made))
    }
}
