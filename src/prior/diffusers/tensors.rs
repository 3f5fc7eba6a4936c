//! Tensors of a weights file: each is used once, under the library's present or former name for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::safetensors::Load;
use candle_core::{DType, Device, Result, Shape, Tensor, bail};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use safetensors::SafeTensors;

/// Former names of the layers of attention, and the present ones.
const RENAMED: [(&str, &str); 4] = [
    ("query", "to_q"),
    ("key", "to_k"),
    ("value", "to_v"),
    ("proj_attn", "to_out.0"),
];

/// Tensors of a file that no layer has taken yet.
#[derive(Clone, Default)]
pub struct Tensors(Arc<Mutex<HashMap<String, Tensor>>>);

impl Tensors {
    /// Reads safetensors files of f16, bf16 or f32 values.
    pub fn read(files: &[Vec<u8>]) -> Result<Tensors> {
        let mut tensors = HashMap::new();
        for file in files {
            for (name, view) in SafeTensors::deserialize(file)?.tensors() {
                use safetensors::Dtype;
                let dtype = view.dtype();
                if ![Dtype::F16, Dtype::BF16, Dtype::F32].contains(&dtype) {
                    bail!("tensor `{name}` is {dtype:?}, expected F16, BF16 or F32");
                }
                let tensor = view.load(&Device::Cpu)?.to_dtype(DType::F32)?;
                if tensors.insert(present(&name), tensor).is_some() {
                    bail!("tensor `{name}` is there twice");
                }
            }
        }
        Ok(Tensors(Arc::new(Mutex::new(tensors))))
    }

    /// Builder of layers. Each layer takes its tensors out.
    pub fn builder(&self) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), DType::F32, Device::Cpu)
    }

    /// First name of the tensors that no layer has taken.
    pub fn left(&self) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .min()
            .cloned()
    }

    /// Number of values of all tensors that no layer has taken.
    pub fn values(&self) -> usize {
        let tensors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tensors.values().map(Tensor::elem_count).sum()
    }
}

fn present(name: &str) -> String {
    for (former, now) in RENAMED {
        if let Some((block, value)) = name.split_once(&format!(".{former}."))
            && block.contains("attentions.")
        {
            return format!("{block}.{now}.{value}");
        }
    }
    name.to_owned()
}

impl SimpleBackend for Tensors {
    fn get(&self, s: Shape, name: &str, _: Init, dtype: DType, dev: &Device) -> Result<Tensor> {
        let tensor = self.get_unchecked(name, dtype, dev)?;
        if tensor.shape() != &s {
            let (found, expected) = (tensor.dims(), s.dims());
            bail!("tensor `{name}` is {found:?}, expected {expected:?}");
        }
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, dev: &Device) -> Result<Tensor> {
        let mut tensors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match tensors.remove(name) {
            Some(tensor) => tensor.to_dtype(dtype)?.to_device(dev),
            None => bail!("no tensor `{name}`"),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        let tensors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tensors.contains_key(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn former_names_are_known() {
        let name = "mid_block.attentions.0.proj_attn.bias";
        assert_eq!(present(name), "mid_block.attentions.0.to_out.0.bias");
        let name = "down_blocks.1.attentions.0.query.weight";
        assert_eq!(present(name), "down_blocks.1.attentions.0.to_q.weight");
        for same in [
            "conv_in.weight",
            "key.weight",
            "mid_block.attentions.0.to_k.bias",
        ] {
            assert_eq!(present(same), same);
        }
    }
}
