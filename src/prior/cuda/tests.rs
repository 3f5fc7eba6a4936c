//! Needs a device: `cargo test --release --features cuda --lib prior::cuda -- --ignored`.

use std::sync::Arc;

use bitvec::prelude::*;
use cudarc::driver::{CudaContext, CudaSlice, CudaStream};

use super::chain::DeviceChain;
use super::queued::QueuedNetwork;
use crate::channel::code::Code;
use crate::channel::layer::Shared;
use crate::channel::rate;
use crate::channel::split::Stages;
use crate::channel::transform::Transform;
use crate::codes::{BandAllocation, Colour};
use crate::decoder::Decoder;
use crate::encoder::{Encoder, Target};
use crate::error::Result;
use crate::pixels::picture::Picture;
use crate::pixels::planes::Planes;
use crate::prior::on_device::{DeviceDenoiser, DeviceState, Geometry, PartSigns, StepUpdate};
use crate::prior::tiling::Tiling;
use crate::prior::{Denoiser, Device, Network, Prior, Weights, scale};
use crate::random::Stream;
use crate::reverse::{Display, geometry};
use crate::schedule::{Sigma, Step};
use crate::timings::Meter;

/// The network on the CPU, with a device that keeps x_t for it or without. The two differ in the
/// chain alone.
struct Roundabout {
    network: Network,
    stream: Arc<CudaStream>,
    on_device: bool,
    /// The longest side of a tile.
    side: Option<usize>,
}

impl Denoiser for Roundabout {
    fn multiple(&self) -> usize {
        self.network.multiple()
    }

    fn denoise(&self, x_t: &Planes, sigma: f64) -> Result<Planes> {
        self.network.x0_hat(x_t, sigma)
    }

    fn tile_side(&self) -> Option<usize> {
        self.side
    }

    fn on_device(self: Arc<Self>) -> Option<Arc<dyn DeviceDenoiser>> {
        self.on_device.then_some(self as Arc<dyn DeviceDenoiser>)
    }
}

impl DeviceDenoiser for Roundabout {
    fn state(
        self: Arc<Self>,
        geometry: &Geometry,
        tiling: Tiling,
    ) -> Result<Option<Box<dyn DeviceState>>> {
        DeviceChain::allocate(self, geometry, tiling)
    }
}

impl QueuedNetwork for Roundabout {
    fn stream(&self) -> Arc<CudaStream> {
        self.stream.clone()
    }

    fn device_memory(&self, _: usize, _: usize) -> u64 {
        0
    }

    fn queue_x0_hat(
        &self,
        x: &CudaSlice<f32>,
        width: usize,
        height: usize,
        sigma: f64,
        out: &mut CudaSlice<f32>,
    ) -> Result<()> {
        let mut x_t = Planes::zeros(width, height);
        let n = x_t.data.len();
        self.stream.memcpy_dtoh(&x.slice(0..n), &mut x_t.data)?;
        self.stream.synchronize()?;
        let x0_hat = self.network.x0_hat(&x_t, sigma)?;
        let mut to = out.slice_mut(0..n);
        self.stream.memcpy_htod(&x0_hat.data, &mut to)?;
        Ok(self.stream.synchronize()?)
    }
}

/// A prior that walks on the device, and one of equal numbers that does not.
fn pair(side: Option<usize>) -> (Prior, Prior) {
    let weights = Weights::shipped().expect("valid");
    let context = CudaContext::new(0).expect("a device");
    let prior = |on_device| {
        let network = Roundabout {
            network: Network::new(&weights).expect("builds"),
            stream: context.default_stream(),
            on_device,
            side,
        };
        let prior = Prior::new(network, weights.id()).with_corrector_of(&weights);
        prior.expect("a corrector")
    };
    (prior(true), prior(false))
}

/// Smooth colours and some noise.
fn picture(width: u32, height: u32) -> Picture {
    let stream = Stream::new(9, 0);
    let value = |i: usize| {
        let (x, y) = (i / 3 % width as usize, i / 3 / width as usize);
        let wave = (x as f64 * 0.05 + y as f64 * 0.08 + (i % 3) as f64).sin();
        (120.0 + 70.0 * wave + (stream.value(i) >> 60) as f64) as u8
    };
    let samples = (0..3 * (width * height) as usize).map(value).collect();
    Picture::new(width, height, Colour::Rgb, samples, None).expect("fits")
}

/// A decoder that displays x0_hat as the chain has it.
fn plain(prior: &Prior) -> Decoder {
    Decoder::new(prior).display(Display::PLAIN)
}

/// x_t after all layers of a file, and the number of calls of the network.
fn x_t(prior: &Prior, file: &[u8], preview: bool) -> (Planes, u64) {
    let mut stream = plain(prior).stream();
    let mut rest = file;
    while !rest.is_empty() {
        let (used, event) = stream.push(rest).expect("reads");
        rest = &rest[used..];
        if let (true, crate::container::Event::Layer(layer, _)) = (preview, event)
            && layer.index % 4 == 2
        {
            stream.preview().expect("shows");
        }
    }
    let chain = &mut stream.body.as_mut().expect("a header").chain;
    let state = chain.state().expect("runs").expect("layers");
    (state.0.clone(), chain.meter().read().calls)
}

fn apart(a: &Planes, b: &Planes) -> f32 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let pairs = a.data.iter().zip(&b.data);
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Sizes whose scales have odd sides, and whose bands have no full blocks, some, and several; with
/// one tile and with more.
#[test]
#[ignore = "needs an NVIDIA GPU"]
fn a_chain_on_the_device_is_that_of_the_machine() {
    for (width, height, side, bpp) in [
        (203, 117, None, 1.0),
        (240, 160, Some(128), 0.6),
        (331, 257, None, 0.5),
        (515, 390, Some(256), 0.3),
    ] {
        let (there, here) = pair(side);
        let picture = picture(width, height);
        let encoder = Encoder::new(&here).target(Target::Bpp(bpp));
        let file = encoder.encode(&picture).expect("encodes").bytes;
        for preview in [false, true] {
            let (a, calls) = x_t(&here, &file, preview);
            let (b, others) = x_t(&there, &file, preview);
            let apart = apart(&a, &b);
            println!("{width} x {height}, tiles {side:?}, {calls} calls: {apart} levels apart");
            assert!(apart < 1e-3, "{width} x {height}: {apart} levels");
            assert_eq!(calls, others);
        }
        for cut in [file.len() / 3, file.len() * 2 / 3, file.len()] {
            let shown = |prior| plain(prior).decode(&file[..cut]).expect("decodes");
            let (a, b) = (shown(&here), shown(&there));
            assert_eq!(a.coverage, b.coverage);
            let psnr = crate::pixels::metrics::psnr(&a.picture, &b.picture).expect("same form");
            println!(
                "  {cut} of {} bytes: PSNR {psnr:.1} between both",
                file.len()
            );
            assert!(psnr > 70.0, "{width} x {height}, {cut} bytes: {psnr}");
        }
    }
}

/// A network that takes noise for the picture.
struct Copy(Arc<CudaStream>);

impl QueuedNetwork for Copy {
    fn stream(&self) -> Arc<CudaStream> {
        self.0.clone()
    }

    fn device_memory(&self, _: usize, _: usize) -> u64 {
        0
    }

    fn queue_x0_hat(
        &self,
        x: &CudaSlice<f32>,
        width: usize,
        height: usize,
        _: f64,
        out: &mut CudaSlice<f32>,
    ) -> Result<()> {
        let n = 3 * width * height;
        let mut to = out.slice_mut(0..n);
        Ok(self.0.memcpy_dtod(&x.slice(0..n), &mut to)?)
    }
}

/// One step of planes of several sizes with given x0_hat: full blocks, all scales, tiles of 1024,
/// more than one window of the rotation, with and without bands.
#[test]
#[ignore = "needs an NVIDIA GPU"]
fn steps_on_the_device_are_those_of_the_machine() {
    let context = CudaContext::new(0).expect("a device");
    let network = Arc::new(Copy(context.default_stream()));
    let sizes = [
        (203, 117),
        (97, 1031),
        (768, 512),
        (1500, 1100),
        (1632, 1224),
        (4000, 3000),
    ];
    for ((w, h), banded) in sizes.into_iter().flat_map(|s| [(s, true), (s, false)]) {
        let (transform, meter) = (Transform::new(w, h, banded), Meter::default());
        let shared = Shared {
            code: Code::default(),
            transform: &transform,
            stream: Stream::new(5, 3),
            meter: &meter,
        };
        let colour = if banded { Colour::Rgb } else { Colour::Grey };
        let (t, s) = (Sigma::from_code(200), Sigma::from_code(188).expect("valid"));
        let stages = Stages {
            count: w * h / 200,
            allocation: BandAllocation::first(colour),
            sigma: s.code(),
        };
        let bytes = |i: usize| shared.stream.value(i + (1 << 40)) as u8;
        let bits: Vec<u8> = (0..stages.count.div_ceil(2)).map(bytes).collect();
        let signs = shared.signs(&bits.view_bits()[..4 * stages.count], stages);
        let step = Step { t, s };
        let mut x_t = Planes::zeros(w, h);
        let noise = |i: usize| (shared.stream.value(i + (1 << 41)) >> 40) as f32 / (1 << 16) as f32;
        let values = x_t.data.iter_mut().enumerate();
        values.for_each(|(i, x)| *x = 1.2 * (noise(i) - 128.0));

        let begin = std::time::Instant::now();
        let mut x0_hat = x_t.clone();
        x0_hat
            .data
            .iter_mut()
            .for_each(|v| *v = v.clamp(-127.5, 127.5));
        let (mut x_s, rho) = (x_t.clone(), step.rho() as f32);
        let pairs = x_s.data.iter_mut().zip(&x0_hat.data);
        pairs.for_each(|(x, x0_hat)| *x = x0_hat + rho * (*x - x0_hat));
        shared.deliver(&signs, &step, &mut x_s);
        let here = begin.elapsed();

        let lens = transform.lens().into_iter().enumerate();
        let parts = lens.map(|(part, len)| PartSigns {
            codewords: signs.codewords(part),
            amplitude: rate::amplitude(shared.code, signs.stages(part), len),
        });
        let update = StepUpdate {
            rho: step.rho(),
            std: step.std(),
            key: shared.stream.key(),
            nu: 14,
            parts: parts.collect(),
        };
        let geometry = geometry(&transform, &x_t).expect("large enough");
        let tiling = Tiling::new(16, None);
        let state = DeviceChain::allocate(network.clone(), &geometry, tiling).expect("begins");
        let mut state = state.expect("has room");
        state.upload(&x_t).expect("uploads");
        state.predict(1, 20.0).expect("predicts");
        assert_eq!(state.x0_hat().expect("downloads"), x0_hat, "{w} x {h}");
        for f in [2, 8] {
            let mut smooth = scale::enlarge(&scale::reduce(&x_t, f), f, w, h);
            let clip = |v: &mut f32| *v = v.clamp(-127.5, 127.5);
            smooth.data.iter_mut().for_each(clip);
            state.predict(f, 20.0).expect("predicts");
            let apart = apart(&state.x0_hat().expect("downloads"), &smooth);
            println!("{w} x {h}, reduced by {f}: {apart} levels apart");
            assert!(apart < 1e-3, "{w} x {h}, reduced by {f}: {apart} levels");
        }
        state.predict(1, 20.0).expect("predicts");
        state.advance(&update).expect("steps");
        let mut got = Planes::zeros(w, h);
        state.download(&mut got).expect("downloads");
        let apart = apart(&x_s, &got);
        let begin = std::time::Instant::now();
        let n = 4;
        for _ in 0..n {
            state.predict(1, 20.0).expect("predicts");
            state.advance(&update).expect("steps");
        }
        let there = begin.elapsed() / n;
        println!(
            "{w} x {h}, bands {banded}: {apart} levels apart; {here:.1?} here, {there:.1?} there"
        );
        assert!(apart < 1e-3, "{w} x {h}: {apart} levels");
    }
}

/// Network and chain on the device walk as on the CPU, within the network's roundings.
#[test]
#[ignore = "needs an NVIDIA GPU"]
fn all_on_the_device_keeps_to_the_cpu() {
    let weights = Weights::shipped().expect("valid");
    let there = Prior::on(&weights, Device::Cuda(0)).expect("a device");
    let here = Prior::on(&weights, Device::Cpu).expect("builds");
    assert!(there.is_on_device());
    let picture = picture(700, 450);
    let encoder = Encoder::new(&here).target(Target::Bpp(0.4));
    let file = encoder.encode(&picture).expect("encodes").bytes;
    let ((a, calls), (b, others)) = (x_t(&here, &file, false), x_t(&there, &file, false));
    println!("{} levels apart", apart(&a, &b));
    assert!(apart(&a, &b) < 0.5);
    assert_eq!(calls, others);
}
