//! Kernels of `network.cu`: their names, the choice for a layer, and the call.

use std::sync::Arc;

use cudarc::driver::sys::CUdevice_attribute_enum as Attribute;
use cudarc::driver::sys::CUfunction_attribute_enum as FunctionAttribute;
use cudarc::driver::{
    CudaFunction, CudaModule, CudaSlice, CudaStream, CudaView, CudaViewMut, DriverError,
    LaunchConfig, PushKernelArg,
};
use cudarc::nvrtc::Ptx;
use half::f16;

use crate::error::{Error, Result};
use crate::prior::cuda::pack::{Matrix, factor, places_first};
use crate::prior::weights::{WeightTensor, Weights};

/// Columns of a block's pixels.
const COLUMNS: usize = 16;
const WARPS: usize = 4;

/// Numbers in which products are computed; `PASSES` of `network.cu`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passes {
    /// f16 by f16.
    One = 1,
    /// Values of 22 bits by f16.
    Two = 2,
    /// 22 bits by 22 bits.
    Three = 3,
}

impl Passes {
    /// f16 numbers of one stored value.
    pub fn parts(self) -> usize {
        if self == Passes::One { 1 } else { 2 }
    }

    fn weight_parts(self) -> usize {
        if self == Passes::Three { 2 } else { 1 }
    }

    fn ptx(self) -> &'static str {
        match self {
            Passes::One => include_str!("ptx/network1.ptx"),
            Passes::Two => include_str!("ptx/network2.ptx"),
            Passes::Three => include_str!("ptx/network3.ptx"),
        }
    }
}

/// Shapes of layers, as in `network.cu`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Same,
    Down,
    Up,
    Last,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Same => "same",
            Kind::Down => "down",
            Kind::Up => "up",
            Kind::Last => "last",
        }
    }

    /// Rows of 16 pixels of a warp, in all kernels of this shape.
    fn heights(self, nt: usize) -> &'static [usize] {
        match self {
            Kind::Same if nt >= 48 => &[4, 2, 1],
            Kind::Same => &[2, 1],
            _ => &[2],
        }
    }

    /// Bytes of shared memory for 16 input channels of a block.
    fn stage(self, nt: usize, height: usize, passes: Passes) -> usize {
        let rows = WARPS * height;
        let (taps, pixels) = match self {
            Kind::Same | Kind::Last => (9, (rows + 2) * (COLUMNS + 2)),
            Kind::Down => (4, 4 * rows * COLUMNS),
            Kind::Up => (1, rows * COLUMNS),
        };
        32 * (pixels * passes.parts() + taps * nt * passes.weight_parts())
    }
}

/// Kernels of `network.cu` on a device.
pub(super) struct NetworkKernels {
    pub stream: Arc<CudaStream>,
    module: Arc<CudaModule>,
    pub passes: Passes,
    processors: usize,
    /// Most bytes of shared memory of a block.
    shared: usize,
    first: CudaFunction,
}

impl NetworkKernels {
    pub fn new(stream: Arc<CudaStream>, passes: Passes) -> Result<NetworkKernels, DriverError> {
        let context = stream.context();
        let module = context.load_module(Ptx::from_src(passes.ptx()))?;
        let get = |attribute| context.attribute(attribute);
        Ok(NetworkKernels {
            passes,
            processors: get(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)? as usize,
            shared: get(Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)? as usize,
            first: module.load_function("first")?,
            module,
            stream,
        })
    }

    /// Queues the planes times `c_in`, with 2 x 2 squares as 12 channels of 16. `width` x `height`
    /// are the sides of the output.
    pub fn first(
        &self,
        planes: &CudaView<'_, f32>,
        out: &mut CudaSlice<f16>,
        (width, height): (usize, usize),
        c_in: f32,
    ) -> Result<(), DriverError> {
        let n = width * height;
        assert!(planes.len() >= 12 * n && out.len() >= 16 * self.passes.parts() * n);
        let (w, h) = (width as i32, height as i32);
        let mut launch = self.stream.launch_builder(&self.first);
        launch.arg(planes).arg(out).arg(&w).arg(&h).arg(&c_in);
        let config = LaunchConfig {
            grid_dim: (width.div_ceil(32) as u32, height.div_ceil(8) as u32, 1),
            block_dim: (256, 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: the arguments are in the order of `first`, and the sizes suffice.
        unsafe { launch.launch(config)? };
        Ok(())
    }
}

/// Kernel of a layer for blocks of one size.
struct Variant {
    /// Rows of pixels of a warp.
    height: usize,
    function: CudaFunction,
    shared: u32,
}

/// Last operation on a layer's sums, after the bias.
pub(super) enum Epilogue<'a> {
    Store,
    /// `scale * relu(sum)`
    ReluScale(CudaView<'a, f32>),
    /// `out + sum`
    Add,
}

/// One layer with its weights.
pub(super) struct Layer {
    kind: Kind,
    /// Output channels of a block.
    nt: usize,
    /// Columns of the matrix, a multiple of 16.
    inputs: usize,
    /// Rows of the matrix, a multiple of 16.
    outputs: usize,
    weights: CudaSlice<f16>,
    bias: CudaSlice<f32>,
    /// Undoes the factor of the weights.
    unit: f32,
    /// Kernels from large blocks to small.
    variants: Vec<Variant>,
}

/// Matrix and biases of the layer `name`.
fn parameters(weights: &Weights, name: &str, kind: Kind) -> Result<(Matrix, Vec<f32>)> {
    let WeightTensor { shape, data } = weights.tensor(&format!("{name}.weight"))?;
    let bias = &weights.tensor(&format!("{name}.bias"))?.data;
    let (matrix, mut bias) = match kind {
        Kind::Up => {
            let data = places_first(data, shape[1]);
            (Matrix::new(shape, &data), places_first(bias, 1))
        }
        _ => (Matrix::new(shape, data), bias.clone()),
    };
    bias.resize(matrix.outputs, 0.0);
    Ok((matrix, bias))
}

impl Layer {
    pub fn new(
        kernels: &NetworkKernels,
        weights: &Weights,
        name: &str,
        kind: Kind,
    ) -> Result<Layer> {
        let (matrix, bias) = parameters(weights, name, kind)?;
        // A block of UP lies in one of the four positions.
        let divided = match kind {
            Kind::Up => matrix.outputs / 4,
            _ => matrix.outputs,
        };
        let fits =
            |nt: usize, height: usize| 2 * kind.stage(nt, height, kernels.passes) <= kernels.shared;
        let widest = [80, 64, 48, 32, 16].into_iter();
        let nt = widest
            .filter(|&nt| kind != Kind::Last || nt == 16)
            .find(|&nt| divided.is_multiple_of(nt) && fits(nt, 2))
            .ok_or_else(|| {
                Error::Backend(format!(
                    "layer {name} does not fit the {} bytes of shared memory",
                    kernels.shared
                ))
            })?;
        let variant = |height: usize| -> Result<Variant, DriverError> {
            let name = match kind {
                Kind::Last => "last".to_owned(),
                _ => format!("{}_n{nt}_m{height}", kind.name()),
            };
            let function = kernels.module.load_function(&name)?;
            let shared = 2 * kind.stage(nt, height, kernels.passes);
            function.set_attribute(
                FunctionAttribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                shared as i32,
            )?;
            // One stage suffices for 16 inputs.
            let shared = if matrix.inputs == 16 {
                shared / 2
            } else {
                shared
            };
            Ok(Variant {
                height,
                function,
                shared: shared as u32,
            })
        };
        let heights = kind.heights(nt).iter().copied();
        let variants = heights
            .filter(|&height| fits(nt, height))
            .map(variant)
            .collect::<Result<_, _>>()?;
        let factor = factor(&matrix.data);
        let packed = matrix.pack(nt, kernels.passes.weight_parts(), factor);
        Ok(Layer {
            kind,
            nt,
            inputs: matrix.inputs,
            outputs: matrix.outputs,
            weights: kernels.stream.clone_htod(&packed)?,
            bias: kernels.stream.clone_htod(&bias)?,
            unit: 1.0 / factor,
            variants,
        })
    }

    /// The largest blocks that still give every processor some, and how they are laid out.
    fn config(
        &self,
        kernels: &NetworkKernels,
        width: usize,
        height: usize,
    ) -> (&Variant, LaunchConfig) {
        let grid = |v: &Variant| {
            let (x, y) = (width.div_ceil(COLUMNS), height.div_ceil(WARPS * v.height));
            (x as u32, y as u32, (self.outputs / self.nt) as u32)
        };
        let enough = |v: &&Variant| {
            let (x, y, z) = grid(v);
            2 * u64::from(x) * u64::from(y) * u64::from(z) >= 3 * kernels.processors as u64
        };
        let smallest = &self.variants[self.variants.len() - 1];
        let variant = self.variants.iter().find(enough).unwrap_or(smallest);
        let config = LaunchConfig {
            grid_dim: grid(variant),
            block_dim: (32 * WARPS as u32, 1, 1),
            shared_mem_bytes: variant.shared,
        };
        (variant, config)
    }

    /// Queues the layer. `width` x `height` are the sides of `out`, or of `x` for [`Kind::Up`].
    pub fn run(
        &self,
        kernels: &NetworkKernels,
        x: &CudaSlice<f16>,
        out: &mut CudaSlice<f16>,
        (width, height): (usize, usize),
        epilogue: Epilogue<'_>,
    ) -> Result<(), DriverError> {
        let (n, parts) = (width * height, kernels.passes.parts());
        let from = if self.kind == Kind::Down { 4 * n } else { n };
        assert!(x.len() >= from * self.inputs * parts && out.len() >= n * self.outputs * parts);
        let channels = match self.kind {
            Kind::Up => self.outputs / 4,
            _ => self.outputs,
        };
        let (variant, config) = self.config(kernels, width, height);
        let (w, h) = (width as i32, height as i32);
        let (from, to) = ((self.inputs / 16) as i32, (channels / 16) as i32);
        let out = out.as_view_mut();
        let (none, same) = (0u64, address(&out, kernels));
        let mut launch = kernels.stream.launch_builder(&variant.function);
        launch.arg(x).arg(&self.weights).arg(&self.bias);
        match &epilogue {
            Epilogue::Store => launch.arg(&none).arg(&none),
            Epilogue::ReluScale(scale) => {
                assert!(scale.len() >= self.outputs);
                launch.arg(scale).arg(&none)
            }
            Epilogue::Add => launch.arg(&none).arg(&same),
        };
        launch.arg(&same).arg(&w).arg(&h);
        launch.arg(&from).arg(&to).arg(&self.unit);
        // SAFETY: the arguments are in the order of LAYER, and the sizes suffice. `out` is borrowed
        // until the start, and this stream alone uses it.
        unsafe { launch.launch(config)? };
        Ok(())
    }

    /// Queues c_skip x_t + c_out F of the last features `x`. `width` x `height` are their sides.
    pub fn run_last(
        &self,
        kernels: &NetworkKernels,
        x: &CudaSlice<f16>,
        x_t: &CudaView<'_, f32>,
        out: &mut CudaViewMut<'_, f32>,
        (width, height): (usize, usize),
        (c_skip, c_out): (f32, f32),
    ) -> Result<(), DriverError> {
        let n = width * height;
        assert!(self.kind == Kind::Last && x.len() >= n * self.inputs * kernels.passes.parts());
        assert!(x_t.len() >= 12 * n && out.len() >= 12 * n);
        let (variant, config) = self.config(kernels, width, height);
        let (w, h, from) = (width as i32, height as i32, (self.inputs / 16) as i32);
        let mut launch = kernels.stream.launch_builder(&variant.function);
        launch.arg(x).arg(&self.weights).arg(&self.bias);
        launch.arg(x_t).arg(out).arg(&w).arg(&h).arg(&from);
        launch.arg(&self.unit).arg(&c_skip).arg(&c_out);
        // SAFETY: the arguments are in the order of `last`, and the sizes suffice.
        unsafe { launch.launch(config)? };
        Ok(())
    }
}

/// Address of a buffer on the device.
fn address(view: &CudaViewMut<'_, f16>, kernels: &NetworkKernels) -> u64 {
    use cudarc::driver::DevicePtr;
    view.device_ptr(&kernels.stream).0
}
