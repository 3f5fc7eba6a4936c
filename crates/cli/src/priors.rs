//! From the flags to a prior on a device.

use std::path::Path;
use std::sync::{Once, OnceLock};

use dcodec::container::PriorId;
use dcodec::prior::{Device, Look, MAX_FILE_BYTES, Postfilter, Precision, Shipped, Weights};
use dcodec::{Display, Prior};
use dcodec_eval::Log;
use dcodec_eval::io::{self, name};

use crate::args::{DeviceChoice, DisplayArgs, LookChoice, PriorArgs};
use crate::error::{About, Error, Result};
use crate::hub;

/// The prior that the flags ask for, or the `usual` one, on the device that they ask for.
pub fn prior(args: &PriorArgs, usual: Shipped, log: Log) -> Result<Prior> {
    match args.prior.as_deref() {
        Some(path) => named(path, args, log),
        None => inside(usual, args, log),
    }
}

/// The prior that `path` names, inside this program or not.
fn named(path: &Path, args: &PriorArgs, log: Log) -> Result<Prior> {
    match shipped(path) {
        Some(which) => inside(which, args, log),
        None => outside(path, args, log),
    }
}

/// The display of files of `prior` by which `decode` shows them unless told otherwise.
pub fn usual_display(prior: &Prior, args: &PriorArgs, log: Log) -> Result<Display> {
    let better = Shipped::of(prior.id()).and_then(|(which, _)| which.display());
    let better = better.map(|which| inside(which, args, log)).transpose()?;
    Ok(Display::by(prior, better))
}

/// The prior inside this program that `path` names: `s`, also called `shipped`, `xs` or `l`,
/// whatever lies in the folder. A file of that name is `./l`.
pub fn shipped(path: &Path) -> Option<Shipped> {
    match path.to_str()? {
        "shipped" => Some(Shipped::S),
        name => Shipped::named(name),
    }
}

/// The priors of a decoder: the one that the flags name, or those inside this program, each when it
/// is first needed.
pub struct Priors<'a> {
    args: &'a PriorArgs,
    log: Log,
    named: Option<Prior>,
    shown_by: DisplayPrior,
    postfilter: DisplayFilter,
    inside: [OnceLock<Prior>; Shipped::ALL.len()],
}

/// The post-filter of pictures.
enum DisplayFilter {
    /// The one inside this program, of files of its priors.
    Usual,
    None,
    /// Of all files.
    Named(Postfilter),
}

/// The prior that shows pictures.
enum DisplayPrior {
    /// The better one inside this program, where there is one.
    Usual,
    /// The prior of their file.
    None,
    Inside(Shipped),
    Named(Prior),
}

impl<'a> Priors<'a> {
    /// Loads the priors that the flags name and that are not inside this program.
    pub fn new(args: &'a PriorArgs, display: &DisplayArgs, log: Log) -> Result<Self> {
        let path = args.prior.as_deref();
        let named = path.map(|path| named(path, args, log)).transpose()?;
        let shown_by = match display.refiner.as_deref() {
            None => DisplayPrior::Usual,
            Some(path) if path == Path::new("none") => DisplayPrior::None,
            Some(path) => match shipped(path) {
                Some(which) => DisplayPrior::Inside(which),
                None => DisplayPrior::Named(outside(path, args, log)?),
            },
        };
        let none = Some(Path::new("none"));
        let postfilter = match display.postfilter.as_deref() {
            path if path == none => DisplayFilter::None,
            Some(path) => DisplayFilter::Named(Postfilter::from_file(path).about(path)?),
            None if display.look == LookChoice::Vivid => {
                let lacking = || {
                    let e = "this build lacks the post-filter of --look vivid: it comes with the prior l";
                    Error::Failed(e.into())
                };
                DisplayFilter::Named(Postfilter::shipped(Look::Vivid).ok_or_else(lacking)?)
            }
            None if display.refiner.as_deref() == none => DisplayFilter::None,
            None => DisplayFilter::Usual,
        };
        Ok(Priors {
            args,
            log,
            named,
            shown_by,
            postfilter,
            inside: [const { OnceLock::new() }; Shipped::ALL.len()],
        })
    }

    /// The prior for a file that needs the prior `id`, or the default prior.
    pub fn of(&self, id: Option<PriorId>) -> Result<&Prior> {
        let needed = id.and_then(Shipped::of);
        self.named_or(needed.map_or(Shipped::S, |(which, _)| which))
    }

    /// The prior that the flags name, or the usual one of an effort.
    pub fn of_effort(&self, level: u8) -> Result<&Prior> {
        self.named_or(Shipped::of_effort(level))
    }

    fn named_or(&self, usual: Shipped) -> Result<&Prior> {
        match &self.named {
            Some(prior) => Ok(prior),
            None => self.inside(usual),
        }
    }

    /// The display of files that need the prior `id`, which `own` is.
    pub fn display(&self, own: &Prior, id: PriorId) -> Result<Display> {
        let display = Display::by(own, self.display_prior(id)?.cloned());
        Ok(match &self.postfilter {
            DisplayFilter::Usual => display,
            DisplayFilter::None => display.postfilter(None),
            DisplayFilter::Named(filter) => display.postfilter(Some(filter.clone())),
        })
    }

    /// The prior that shows files of the prior `id`, if it is another.
    fn display_prior(&self, id: PriorId) -> Result<Option<&Prior>> {
        let files = Shipped::of(id).map(|(which, _)| which);
        match (&self.shown_by, files) {
            (DisplayPrior::Usual, Some(files)) => {
                let better = files.display();
                better.map(|which| self.inside(which)).transpose()
            }
            (DisplayPrior::Inside(which), files) if files != Some(*which) => {
                self.inside(*which).map(Some)
            }
            (DisplayPrior::Named(prior), _) => {
                let own = prior.ensemble_of(id).is_some();
                Ok((!own).then_some(prior))
            }
            _ => Ok(None),
        }
    }

    fn inside(&self, which: Shipped) -> Result<&Prior> {
        let cell = &self.inside[which as usize];
        match cell.get() {
            Some(prior) => Ok(prior),
            None => {
                let prior = inside(which, self.args, self.log)?;
                Ok(cell.get_or_init(|| prior))
            }
        }
    }
}

fn inside(which: Shipped, args: &PriorArgs, log: Log) -> Result<Prior> {
    on_device(&WeightsSource::Inside(which), args, log)
}

fn outside(path: &Path, args: &PriorArgs, log: Log) -> Result<Prior> {
    let found = hub::located(path, log)?;
    if !found.is_dir() {
        let weights = weights(&found, path)?;
        return on_device(&WeightsSource::File(weights.into(), path), args, log);
    }
    check_folders(path)?;
    if args.on.precision != Precision::F32 {
        let name = name(path);
        let reason = "a folder's network runs in f32 only, without --precision";
        return Err(Error::Usage(format!("{name}: {reason}")));
    }
    match args.on.device {
        DeviceChoice::Auto | DeviceChoice::On(Device::Cpu) => Prior::from_file(found).about(path),
        DeviceChoice::On(device) => {
            let name = name(path);
            let reason = format!("a folder's network runs on the cpu only, not on {device}");
            Err(Error::Failed(format!("{name}: {reason}")))
        }
    }
}

/// Refuses the folder `path` in a build that reads none.
pub fn check_folders(path: &Path) -> Result<()> {
    if cfg!(feature = "diffusers") {
        return Ok(());
    }
    let name = name(path);
    let reason = "this build lacks the feature `diffusers`, by which a folder can be a prior";
    let advice = "build it with `cargo build --release --features full`";
    Err(Error::Failed(format!("{name}: {reason} ({advice})")))
}

/// Weights of the file `found`, which the flags call `path`.
pub fn weights(found: &Path, path: &Path) -> Result<Weights> {
    // The length of a header of JSON, which follows (safetensors).
    let sound = |head: &[u8]| match head {
        [length @ .., b'{'] => length.iter().any(|&byte| byte != 0),
        _ => false,
    };
    let bytes = io::read_sound(found, MAX_FILE_BYTES as u64, 9, sound)?;
    Weights::from_bytes(&bytes).about(path)
}

/// Origin of weights.
enum WeightsSource<'a> {
    Inside(Shipped),
    File(Box<Weights>, &'a Path),
}

impl WeightsSource<'_> {
    fn on(&self, device: Device, precision: Precision) -> Result<Prior> {
        let prior = |weights| Prior::with_precision(weights, device, precision);
        match self {
            // Made when it is first called.
            WeightsSource::Inside(which)
                if (device, precision) == (Device::Cpu, Precision::F32) =>
            {
                Ok(which.prior()?)
            }
            WeightsSource::Inside(which) => Ok(prior(&which.weights()?)?),
            WeightsSource::File(weights, path) => prior(weights).about(path),
        }
    }
}

/// Reason why a device cannot be used, with a way out.
pub fn unusable(device: Device, e: &dcodec::Error) -> String {
    let (here, feature) = match device {
        Device::Cuda(_) if !cfg!(feature = "cuda") => ("", "cuda"),
        Device::Metal if !cfg!(feature = "metal") => (" on a Mac", "metal"),
        _ => return e.to_string(),
    };
    format!("{e} (build it{here} with `cargo build --release --features {feature}`)")
}

fn on_device(source: &WeightsSource, args: &PriorArgs, log: Log) -> Result<Prior> {
    let on = |device| source.on(device, args.on.precision);
    // Once, however many networks the command takes.
    static SAID: Once = Once::new();
    let say =
        |device, name| SAID.call_once(|| log.say(format!("the network runs on {device}, {name}")));
    match args.on.device {
        DeviceChoice::On(Device::Cpu) => {}
        DeviceChoice::On(device) => {
            let name = device.name();
            let name = name.map_err(|e| Error::Failed(unusable(device, &e)))?;
            return on(device).inspect(|_| say(device, name));
        }
        DeviceChoice::Auto => {
            for device in [Device::Cuda(0), Device::Metal] {
                let Ok(name) = device.name() else { continue };
                match on(device) {
                    Ok(prior) => {
                        say(device, name);
                        return Ok(prior);
                    }
                    Err(e) => log.say(format!("note: not on {device}, {name}: {e}")),
                }
            }
        }
    }
    on(Device::Cpu)
}
