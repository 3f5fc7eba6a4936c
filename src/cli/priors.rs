//! From the flags to a prior on a device.

use std::path::Path;

use dcodec::container::PriorId;
use dcodec::prior::{Device, Precision, Shipped, Weights};
use dcodec::{Error, Prior, Result};

use super::args::{DeviceChoice, PriorArgs};
use super::{About, Failure, Log, hub};

/// The prior that the flags ask for, on the device that they ask for.
pub fn prior(args: &PriorArgs, log: Log) -> Result<Prior, Failure> {
    match args.prior.as_deref() {
        Some(path) => match shipped(path) {
            Some(which) => inside(which, args, log),
            None => outside(path, args, log),
        },
        None => inside(Shipped::S, args, log),
    }
}

/// The prior inside this program that `path` names: `s`, also called `shipped`, or `l`, whatever lies in the
/// folder; a file of that name is `./l`.
pub fn shipped(path: &Path) -> Option<Shipped> {
    match path.to_str()? {
        "shipped" => Some(Shipped::S),
        name => Shipped::named(name),
    }
}

/// The priors of a decoder: the one that the flags name, or those inside this program, each from the first file on that needs it.
pub struct Priors<'a> {
    args: &'a PriorArgs,
    log: Log,
    named: Option<Prior>,
    inside: Vec<(Shipped, Prior)>,
}

impl<'a> Priors<'a> {
    /// Loads the prior that the flags name, if they do.
    pub fn new(args: &'a PriorArgs, log: Log) -> Result<Self, Failure> {
        let named = match args.prior {
            Some(_) => Some(prior(args, log)?),
            None => None,
        };
        Ok(Priors {
            args,
            log,
            named,
            inside: Vec::new(),
        })
    }

    /// The prior for a file that needs the prior `id`; the default where that is not known.
    pub fn of(&mut self, id: Option<PriorId>) -> Result<&Prior, Failure> {
        if let Some(prior) = &self.named {
            return Ok(prior);
        }
        let needed = id.and_then(Shipped::of);
        let which = needed.map_or(Shipped::S, |(which, _)| which);
        let at = match self.inside.iter().position(|(w, _)| *w == which) {
            Some(at) => at,
            None => {
                let prior = inside(which, self.args, self.log)?;
                self.inside.push((which, prior));
                self.inside.len() - 1
            }
        };
        Ok(&self.inside[at].1)
    }
}

fn inside(which: Shipped, args: &PriorArgs, log: Log) -> Result<Prior, Failure> {
    Ok(on_device(&which.weights()?, args, log)?)
}

fn outside(path: &Path, args: &PriorArgs, log: Log) -> Result<Prior, Failure> {
    let found = hub::located(path, log)?;
    if !found.is_dir() {
        let weights = Weights::from_file(found).about(path)?;
        return on_device(&weights, args, log).about(path);
    }
    if args.on.precision != Precision::F32 {
        let reason = "a folder's network runs in f32 only, without --precision";
        return Err(Error::Parameter(reason.into())).about(path);
    }
    match args.on.device {
        DeviceChoice::Auto | DeviceChoice::On(Device::Cpu) => Prior::from_file(found).about(path),
        DeviceChoice::On(device) => {
            let reason = format!("a folder's network runs on the cpu only, not on {device}");
            Err(Error::Unsupported(reason)).about(path)
        }
    }
}

fn on_device(weights: &Weights, args: &PriorArgs, log: Log) -> Result<Prior> {
    let on = |device| Prior::with_precision(weights, device, args.on.precision);
    let say = |device, name| log.say(format!("the network runs on {device}, {name}"));
    match args.on.device {
        DeviceChoice::On(Device::Cpu) => {}
        DeviceChoice::On(device) => {
            let name = device.name()?;
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
