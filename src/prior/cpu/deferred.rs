//! Networks inside the program that are made in their first call.

use std::sync::OnceLock;

use crate::error::Result;
use crate::pixels::planes::Planes;
use crate::prior::cpu::activations;
use crate::prior::cpu::corrector::{Correction, Corrector};
use crate::prior::cpu::kernel::Kernel;
use crate::prior::cpu::network::Network;
use crate::prior::denoiser::Denoiser;
use crate::prior::weights::{Config, Head, Inside, Part, Weights};

/// Network of a weights file inside the program.
#[derive(Debug)]
pub(crate) struct Deferred {
    file: Inside,
    head: Head,
    network: OnceLock<Network>,
}

impl Deferred {
    /// Reads the metadata of the file, but no weights yet.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if they are damaged.
    pub(in crate::prior) fn new(file: Inside) -> Result<Deferred> {
        Ok(Deferred {
            file,
            head: file.head()?,
            network: OnceLock::new(),
        })
    }

    fn network(&self) -> Result<&Network> {
        if let Some(network) = self.network.get() {
            return Ok(network);
        }
        // Not inside the lock: a thread of the pool that waits for others may come here again.
        let network = Network::new(&self.file.weights()?)?;
        Ok(self.network.get_or_init(|| network))
    }
}

impl Denoiser for Deferred {
    fn multiple(&self) -> usize {
        self.head.config.multiple()
    }

    fn is_reference(&self) -> bool {
        Kernel::best().is_reference()
    }

    fn denoise(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        self.network()?.x0_hat(x_t, sigma)
    }

    fn macs_per_pixel(&self) -> f64 {
        self.head.config.macs_per_pixel()
    }

    fn memory(&self, width: usize, height: usize) -> u64 {
        activations::memory(&self.head.config, Part::Denoiser, width, height)
    }

    fn kept(&self, width: usize, height: usize) -> u64 {
        activations::kept(&self.head.config, Part::Denoiser, width, height)
    }

    fn release(&self) {
        if let Some(network) = self.network.get() {
            network.release();
        }
    }

    fn highest_sigma(&self, _: usize, _: usize) -> f64 {
        self.head.sigma_max
    }
}

/// Corrector of a weights file, made in its first call.
#[derive(Debug)]
pub(crate) struct DeferredCorrector {
    /// A file inside the program. None for a network that is made already.
    file: Option<Inside>,
    config: Config,
    network: OnceLock<Corrector>,
}

impl DeferredCorrector {
    /// The corrector of a file inside the program, if the file has one.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) if the metadata is damaged.
    pub(in crate::prior) fn of_file(file: Inside) -> Result<Option<Self>> {
        let config = file.head()?.corrector;
        Ok(config.map(|config| DeferredCorrector {
            file: Some(file),
            config,
            network: OnceLock::new(),
        }))
    }

    /// The corrector of loaded weights by this kernel, if they have one.
    ///
    /// # Errors
    /// As [`Corrector::with_kernel`].
    pub fn of_weights(weights: &Weights, kernel: Kernel) -> Result<Option<Self>> {
        let Some(config) = weights.corrector() else {
            return Ok(None);
        };
        Ok(Some(DeferredCorrector {
            file: None,
            config: config.clone(),
            network: Corrector::with_kernel(weights, kernel)?.into(),
        }))
    }

    /// As [`Corrector::correct`].
    ///
    /// # Errors
    /// As [`Corrector::correct`]; [`Error::Backend`](crate::Error::Backend) for damaged weights.
    pub fn correct(&self, step: Correction, planes: [&Planes; 3]) -> Result<Planes> {
        if self.network.get().is_none()
            && let Some(file) = self.file
        {
            let network = Corrector::new(&file.weights()?)?;
            self.network.get_or_init(|| network);
        }
        let network = self.network.get();
        network.expect("it is made").correct(step, planes)
    }

    /// Number of which both sides of the planes are multiples.
    pub fn multiple(&self) -> usize {
        self.config.multiple()
    }

    /// Multiply-accumulates of one call, for each pixel of the picture.
    pub fn macs_per_pixel(&self) -> f64 {
        self.config.macs_of(Part::Corrector)
    }

    /// Bytes that a call on planes of `width` x `height` takes besides them, and keeps.
    pub fn memory(&self, width: usize, height: usize) -> u64 {
        activations::memory(&self.config, Part::Corrector, width, height)
    }

    /// Bytes of it that stay after [`DeferredCorrector::release`].
    pub fn kept(&self, width: usize, height: usize) -> u64 {
        activations::kept(&self.config, Part::Corrector, width, height)
    }

    /// Frees the buffers of the last call.
    pub fn release(&self) {
        if let Some(network) = self.network.get() {
            network.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    /// One network twice.
    fn same() -> (Deferred, Network) {
        let apart = include_bytes!(concat!(env!("OUT_DIR"), "/s.apart"));
        let weights = Weights::shipped().unwrap();
        let id = weights.id();
        let deferred = Deferred::new(Inside { apart, id }).unwrap();
        (deferred, Network::new(&weights).unwrap())
    }

    #[test]
    fn what_is_asked_without_a_call_needs_no_weights() {
        let (deferred, network) = same();
        let (both, size): ([&dyn Denoiser; 2], _) = ([&deferred, &network], (1300, 1100));
        let [a, b] = both.map(|d| (d.multiple(), d.is_reference(), d.macs_per_pixel()));
        assert_eq!(a, b);
        let [a, b] = both.map(|d| (d.memory(size.0, size.1), d.kept(size.0, size.1)));
        assert_eq!(a, b);
        let [a, b] = both.map(|d| d.highest_sigma(size.0, size.1));
        assert_eq!(a, b);
        deferred.release();
        assert!(deferred.network.get().is_none());
    }

    #[test]
    fn calls_from_many_threads_are_those_of_the_network() {
        let (deferred, network) = same();
        let mut x_t = Planes::zeros(272, 256);
        for (i, v) in x_t.data.iter_mut().enumerate() {
            *v = ((i * 7919) % 211) as f32 - 105.0;
        }
        let expected = network.x0_hat(&x_t, 20.0).unwrap();
        let calls = (0..8).into_par_iter();
        let all: Vec<_> = calls
            .map(|_| deferred.denoise(&x_t, 20.0).unwrap())
            .collect();
        assert!(all.iter().all(|x0_hat| x0_hat.data == expected.data));
        assert!(deferred.network.get().is_some());
    }
}
