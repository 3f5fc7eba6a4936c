//! Describes a folder with a DDPM of the diffusers library.

use std::path::Path;

use super::super::{About, Failure};

/// Identity, architecture, size, cost and schedule.
#[cfg(feature = "candle")]
pub fn describe(path: &Path, json: bool) -> Result<String, Failure> {
    use dcodec::prior::{Ddpm, Denoiser};
    use serde_json::json;

    let ddpm = Ddpm::from_folder(path).about(path)?;
    let (config, schedule) = (ddpm.config(), ddpm.schedule());
    let (cost, steps) = (ddpm.macs_per_pixel(), schedule.timesteps());
    let levels = [0, steps - 1].map(|t| 127.5 * schedule.sigma(t));
    let predicts = format!("{:?}", schedule.prediction()).to_lowercase();
    if json {
        let all = json!({
            "prior": ddpm.id().to_string(), "architecture": "UNet2DModel", "channels": config.block_out_channels,
            "layers": config.layers_per_block, "down_attention": config.down_attention,
            "up_attention": config.up_attention, "sample_size": config.sample_size, "parameters": ddpm.parameters(),
            "macs_per_pixel": cost, "schedule": schedule.name(), "timesteps": steps, "prediction": predicts,
            "sigma": levels,
        });
        return Ok(format!("{all:#}\n"));
    }
    let attends = |on: &[bool], what: &str| match on.contains(&true) {
        true => format!(" {what}"),
        false => String::new(),
    };
    let mut attention =
        attends(&config.down_attention, "down") + &attends(&config.up_attention, "up");
    if config.mid_block && config.add_attention {
        attention += " middle";
    }
    let size = match config.sample_size {
        Some(n) => format!("{n}, larger pictures run in tiles of that side"),
        None => "unknown".into(),
    };
    Ok(format!(
        "{}: prior {}\nnetwork     UNet2DModel, channels {:?}, {} layers a scale, attention:{}\nparameters  {}\n\
         cost        {:.1} k multiply-accumulates a pixel, by candle\ntrained at  {size}\nschedule    {}, {steps} \
         timesteps, sigma {:.2} to {:.0} levels, predicts {predicts}\n",
        path.display(),
        ddpm.id(),
        config.block_out_channels,
        config.layers_per_block,
        if attention.is_empty() {
            " none"
        } else {
            &attention
        },
        ddpm.parameters(),
        cost / 1000.0,
        schedule.name(),
        levels[0],
        levels[1],
    ))
}

/// Without candle there is nothing to describe it with.
#[cfg(not(feature = "candle"))]
pub fn describe(path: &Path, _: bool) -> Result<String, Failure> {
    dcodec::Prior::from_file(path)
        .about(path)
        .map(|prior| format!("{}: prior {}\n", path.display(), prior.id()))
}
