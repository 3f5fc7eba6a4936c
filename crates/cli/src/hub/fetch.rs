//! DDPMs of the Hugging Face hub, in the cache that its other clients use too.

use std::fs;
use std::path::{Path, PathBuf};

use dcodec::prior::UNet2DConfig;
use dcodec_eval::Log;
use hf_hub::api::sync::{ApiBuilder, ApiError};
use hf_hub::{Cache, Repo};

/// The hub, unless the environment's HF_ENDPOINT names another.
const HUB: &str = "https://huggingface.co";
/// Times that a download which breaks off goes on where it was.
const RETRIES: usize = 3;

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";
const SHARD: &str = "diffusion_pytorch_model-";
const INDEX: &str = "diffusion_pytorch_model.safetensors.index.json";
const PICKLED: &str = "diffusion_pytorch_model.bin";
/// Places of the scheduler's file, in the order in which a folder is searched.
const SCHEDULERS: [&str; 2] = ["scheduler/scheduler_config.json", "scheduler_config.json"];
/// A pipeline's folder of the network.
const PIPELINE: &str = "unet/";

/// The folder of the model `name` in the cache. Its missing files are fetched; a model that is
/// there whole needs no network.
pub fn fetch(name: &str, log: Log) -> Result<PathBuf, String> {
    // The client's own search for the cache ends the program where there is no home.
    if std::env::var_os("HF_HOME").is_none() && std::env::home_dir().is_none() {
        return Err("no home folder to keep models in: set HF_HOME".into());
    }
    let repo = Repo::model(name.into());
    if let Some(folder) = cached(&repo) {
        return Ok(folder);
    }
    let api = ApiBuilder::from_env()
        .with_progress(!log.quiet)
        .with_retries(RETRIES)
        .build()
        .map_err(failed)?;
    let repo = api.repo(repo);
    let all = repo.info().map_err(failed)?.siblings;
    let files: Vec<String> = all.into_iter().map(|f| f.rfilename).collect();
    let wanted = ModelFiles::new(files.iter().map(String::as_str))?;
    log.say(format!("fetching {name} from {}", endpoint()));
    if let Some(scheduler) = wanted.scheduler {
        repo.get(scheduler).map_err(failed)?;
    }
    let config = repo.get(&wanted.config).map_err(failed)?;
    // A network that cannot be read is refused before a long download.
    let bytes = fs::read(&config).map_err(|e| format!("{}: {e}", config.display()))?;
    UNet2DConfig::parse(&bytes).map_err(|e| e.to_string())?;
    for weights in wanted.weights {
        repo.get(weights).map_err(failed)?;
    }
    root(&config, &wanted.config).ok_or_else(|| "the cache has an unknown layout".into())
}

/// The folder of a model whose network, weights and scheduler are all in the cache. None for a
/// model in several files or without a scheduler: it may have been fetched in part, so the hub is
/// asked.
fn cached(repo: &Repo) -> Option<PathBuf> {
    let cache = Cache::from_env().repo(repo.clone());
    SCHEDULERS.iter().find_map(|file| cache.get(file))?;
    [PIPELINE, ""].iter().find_map(|folder| {
        let name = format!("{folder}{CONFIG}");
        let config = cache.get(&name)?;
        cache.get(&format!("{folder}{WEIGHTS}"))?;
        root(&config, &name)
    })
}

/// The folder in which `path` is called `name`.
fn root(path: &Path, name: &str) -> Option<PathBuf> {
    path.ancestors()
        .nth(name.split('/').count())
        .map(Path::to_owned)
}

/// The files of a model that make a prior.
#[derive(Debug, PartialEq)]
struct ModelFiles<'a> {
    scheduler: Option<&'a str>,
    config: String,
    weights: Vec<&'a str>,
}

impl<'a> ModelFiles<'a> {
    fn new(files: impl Iterator<Item = &'a str> + Clone) -> Result<ModelFiles<'a>, String> {
        let has = |name: &str| files.clone().find(|f| *f == name);
        let pipeline = has(&format!("{PIPELINE}{CONFIG}")).is_some();
        let folder = if pipeline { PIPELINE } else { "" };
        let at = |name: &str| format!("{folder}{name}");
        let config = at(CONFIG);
        if has(&config).is_none() {
            return Err(
                "this model is no DDPM of the diffusers library: it has no config.json".into(),
            );
        }
        let weights = match (has(&at(WEIGHTS)), has(&at(INDEX))) {
            (Some(one), _) => vec![one],
            (None, Some(index)) => {
                let shard = at(SHARD);
                let shards = files.clone();
                shards
                    .filter(|f| f.starts_with(&shard) && f.ends_with(".safetensors"))
                    .chain([index])
                    .collect()
            }
            (None, None) if has(&at(PICKLED)).is_some() => {
                return Err(format!(
                    "this model has its weights in {PICKLED} only; load it with diffusers, save it to a folder to get \
                     {WEIGHTS}, and name the folder"
                ));
            }
            (None, None) => {
                return Err(format!(
                    "this model is no DDPM of the diffusers library: it has no {}",
                    at(WEIGHTS)
                ));
            }
        };
        Ok(ModelFiles {
            scheduler: SCHEDULERS.iter().find_map(|name| has(name)),
            config,
            weights,
        })
    }
}

fn endpoint() -> String {
    std::env::var("HF_ENDPOINT").unwrap_or_else(|_| HUB.into())
}

/// The reason of a failure, and a way out.
fn failed(e: ApiError) -> String {
    let hub = endpoint();
    let elsewhere =
        "or download the model elsewhere (git clone, or the hub's client) and name its folder";
    let ApiError::RequestError(e) = e else {
        return format!("could not be fetched from {hub}: {e}; try again, {elsewhere}");
    };
    match *e {
        ureq::Error::StatusCode(code @ (401 | 403 | 404)) => format!(
            "no such file or folder here, and {hub} has no such model or does not show it to everybody (status {code})"
        ),
        ureq::Error::StatusCode(code) => {
            format!("{hub} refused (status {code}); try again later, {elsewhere}")
        }
        e => format!(
            "no such file or folder here, and {hub} cannot be reached ({e}); check the network, {elsewhere}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen<'a>(files: &[&'a str]) -> Result<ModelFiles<'a>, String> {
        ModelFiles::new(files.iter().copied())
    }

    #[test]
    fn the_files_of_every_layout_are_found() {
        let files = [
            ".gitattributes",
            "config.json",
            "diffusion_pytorch_model.bin",
            "diffusion_pytorch_model.safetensors",
            "model_index.json",
            "scheduler_config.json",
        ];
        let flat = chosen(&files).unwrap();
        assert_eq!(flat.scheduler, Some("scheduler_config.json"));
        assert_eq!(flat.config, "config.json");
        assert_eq!(flat.weights, ["diffusion_pytorch_model.safetensors"]);
        let pipeline = chosen(&[
            "scheduler/scheduler_config.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model.safetensors",
            "vae/config.json",
        ])
        .unwrap();
        assert_eq!(pipeline.scheduler, Some("scheduler/scheduler_config.json"));
        assert_eq!(pipeline.config, "unet/config.json");
        assert_eq!(
            pipeline.weights,
            ["unet/diffusion_pytorch_model.safetensors"]
        );
        let shards = chosen(&[
            "config.json",
            "diffusion_pytorch_model-00001-of-00002.safetensors",
            "diffusion_pytorch_model-00002-of-00002.safetensors",
            "diffusion_pytorch_model.safetensors.index.json",
        ])
        .unwrap();
        assert_eq!(shards.scheduler, None);
        assert_eq!(shards.weights.len(), 3);
        assert!(shards.weights[2].ends_with("index.json"));
    }

    #[test]
    fn what_is_no_ddpm_is_refused() {
        let refused = |files: &[&'static str]| chosen(files).unwrap_err();
        assert!(refused(&["model.safetensors"]).contains("no config.json"));
        assert!(refused(&["config.json"]).contains("no diffusion_pytorch_model.safetensors"));
        assert!(refused(&["unet/config.json", "config.json"]).contains("no unet/diffusion"));
        let pickled = refused(&["config.json", "diffusion_pytorch_model.bin"]);
        assert!(
            pickled.contains("diffusion_pytorch_model.bin only"),
            "{pickled}"
        );
    }

    #[test]
    fn the_folder_is_found_from_a_file() {
        assert_eq!(
            root(Path::new("/c/s/config.json"), "config.json"),
            Some("/c/s".into())
        );
        assert_eq!(
            root(Path::new("/c/s/unet/config.json"), "unet/config.json"),
            Some("/c/s".into())
        );
    }
}
