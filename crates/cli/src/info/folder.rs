//! Describes a folder with a DDPM of the diffusers library.

use std::path::Path;

use dcodec::prior::FolderSummary;
use serde_json::json;

use crate::error::{About, Result};
use crate::priors::check_folders;

/// Identity, architecture, size, cost and schedule.
pub fn describe(path: &Path, json: bool) -> Result<String> {
    check_folders(path)?;
    let f = FolderSummary::read(path).about(path)?;
    if json {
        let all = json!({
            "prior": f.id.to_string(), "architecture": "UNet2DModel", "channels": f.channels, "layers": f.layers,
            "down_attention": f.down_attention, "up_attention": f.up_attention, "middle_attention": f.middle_attention,
            "sample_size": f.sample_size, "parameters": f.parameters, "macs_per_pixel": f.macs_per_pixel,
            "schedule": f.schedule, "timesteps": f.timesteps, "prediction": f.prediction, "sigma": f.sigma,
        });
        return Ok(format!("{all:#}\n"));
    }
    let attends = [
        (f.down_attention.contains(&true), "down"),
        (f.middle_attention, "middle"),
        (f.up_attention.contains(&true), "up"),
    ];
    let attention: Vec<&str> = attends.iter().filter(|a| a.0).map(|a| a.1).collect();
    let attention = match attention.is_empty() {
        true => "none".into(),
        false => attention.join(", "),
    };
    let size = match f.sample_size {
        Some(n) => format!("{n}; larger pictures run in tiles of that side"),
        None => "unknown".into(),
    };
    Ok(format!(
        "{}: prior {}\nnetwork     UNet2DModel, channels {:?}, {} layers a scale\nattention   {attention}\nparameters  \
         {}\ncost        {:.1} k multiply-accumulates a pixel\ntrained at  {size}\nschedule    {}, {} timesteps, sigma \
         {:.2} to {:.0} levels, predicts {}\n",
        path.display(),
        f.id,
        f.channels,
        f.layers,
        f.parameters,
        f.macs_per_pixel / 1000.0,
        f.schedule,
        f.timesteps,
        f.sigma[0],
        f.sigma[1],
        f.prediction,
    ))
}
