//! The choice of a device, made at run time.

use std::{fmt, str::FromStr};

use burn::tensor::{
    Device,
    wgpu::{
        WgpuSetup,
        wgpu::{AdapterInfo, DeviceType},
    },
};
use layerlab_model::WeightFormat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::LabError;

/// What the user asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceChoice {
    /// A real GPU where there is one, else the CPU; the fallback is named.
    #[default]
    Auto,
    /// Whatever adapter the system offers, software ones included.
    Gpu,
    /// The CPU.
    Cpu,
}

impl DeviceChoice {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Auto, "auto"), (Self::Gpu, "gpu"), (Self::Cpu, "cpu")];
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Self::ALL.iter().find(|(choice, _)| choice == self);
        f.pad(named.map_or("", |(_, name)| name))
    }
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.iter().find(|(_, name)| *name == text);
        let unknown = || DeviceError::Unknown(text.to_owned());
        named.map(|(choice, _)| *choice).ok_or_else(unknown)
    }
}

/// No device to run on.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// A name that is none of a device.
    #[error("`{0}` is no device; expected auto, gpu or cpu")]
    Unknown(String),
    /// The system offers no adapter.
    #[error("there is no GPU to run on ({0})")]
    NoGpu(String),
}

/// What computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A graphics adapter through wgpu.
    Gpu,
    /// A graphics adapter that the processor imitates, through wgpu.
    SoftwareGpu,
    /// The processor.
    Cpu,
}

/// A device that is ready, and what a report says of it.
#[derive(Debug, Clone)]
pub struct OpenDevice {
    /// The device.
    pub device: Device,
    /// What was asked for.
    pub requested: DeviceChoice,
    /// What it is.
    pub kind: DeviceKind,
    /// The adapter's own name, or the number of threads.
    pub name: String,
    /// Why it is not what might have been expected, if it is not.
    pub fallback: Option<String>,
    /// Bytes of the largest tensor that its kernels can read; none where memory is the only limit.
    pub largest_tensor: Option<u64>,
    /// How it is to hold the weights of a model.
    pub weights: WeightFormat,
}

impl OpenDevice {
    /// Lets the device compute something that is known, before it is trusted.
    ///
    /// # Errors
    /// When it fails, or computes something else.
    pub async fn check(&self) -> Result<(), LabError> {
        layerlab_kernels::check(&self.device).await?;
        Ok(())
    }

    /// The same device, which is to hold weights so.
    pub fn with_weights(self, weights: WeightFormat) -> Self {
        Self { weights, ..self }
    }

    /// The processor where so many threads share the work, though this session has but one.
    pub fn with_threads(self, threads: usize) -> Self {
        Self {
            name: counted(threads),
            ..self
        }
    }
}

/// Opens the device that the user asks for. `auto` passes over software adapters: the CPU path is many
/// times faster than a GPU that the CPU imitates.
///
/// # Errors
/// When a GPU is asked for and there is none.
pub async fn open_device(requested: DeviceChoice) -> Result<OpenDevice, DeviceError> {
    if requested == DeviceChoice::Cpu {
        return Ok(cpu(requested, None));
    }
    match (requested, adapter::open().await) {
        (DeviceChoice::Auto, Err(reason)) => Ok(cpu(requested, Some(reason))),
        (_, Err(reason)) => Err(DeviceError::NoGpu(reason)),
        (DeviceChoice::Auto, Ok(Adapter { info, .. })) if info.device_type == DeviceType::Cpu => {
            let reason = format!("the only adapter is a software one, {}", described(&info));
            Ok(cpu(requested, Some(reason)))
        }
        (
            _,
            Ok(Adapter {
                device,
                info,
                largest_tensor,
            }),
        ) => Ok(OpenDevice {
            device,
            requested,
            kind: match info.device_type {
                DeviceType::Cpu => DeviceKind::SoftwareGpu,
                _ => DeviceKind::Gpu,
            },
            name: described(&info),
            fallback: None,
            largest_tensor: Some(largest_tensor),
            weights: WeightFormat::default(),
        }),
    }
}

fn cpu(requested: DeviceChoice, fallback: Option<String>) -> OpenDevice {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    OpenDevice {
        device: Device::flex(),
        requested,
        kind: DeviceKind::Cpu,
        name: counted(threads),
        fallback,
        largest_tensor: None,
        weights: WeightFormat::default(),
    }
}

fn counted(threads: usize) -> String {
    match threads {
        1 => "1 thread".into(),
        threads => format!("{threads} threads"),
    }
}

/// The one graphics adapter in use.
#[derive(Clone)]
struct Adapter {
    device: Device,
    info: AdapterInfo,
    largest_tensor: u64,
}

impl Adapter {
    fn of((device, setup): (Device, WgpuSetup)) -> Self {
        let limits = setup.device.limits();
        Self {
            device,
            info: setup.adapter.get_info(),
            largest_tensor: limits
                .max_storage_buffer_binding_size
                .min(limits.max_buffer_size),
        }
    }
}

fn described(info: &AdapterInfo) -> String {
    // Browsers may keep the name to themselves.
    let name = match info.name.is_empty() {
        true => "unnamed adapter",
        false => &info.name,
    };
    format!("{name} ({})", info.backend)
}

/// Why there is no adapter, in plain words where the usual reason is meant: libraries name their own types there.
fn reason(said: &str) -> String {
    match (said.starts_with("No adapter"), cfg!(target_arch = "wasm32")) {
        (true, true) => "this browser offers pages no GPU".into(),
        (true, false) => "no driver of a GPU was found".into(),
        (false, _) => said.to_owned(),
    }
}

/// The one GPU of this process: a second initialisation of the same adapter is an error in Burn.
#[cfg(not(target_arch = "wasm32"))]
mod adapter {
    use std::sync::OnceLock;

    use super::{Adapter, Device, reason};

    static OPENED: OnceLock<Result<Adapter, String>> = OnceLock::new();

    pub(super) async fn open() -> Result<Adapter, String> {
        let open = || match Device::wgpu_options().init_with_setup() {
            Ok(opened) => Ok(Adapter::of(opened)),
            Err(error) => Err(reason(&error.to_string())),
        };
        OPENED.get_or_init(open).clone()
    }
}

#[cfg(target_arch = "wasm32")]
mod adapter {
    use std::cell::RefCell;

    use super::{Adapter, Device, reason};

    thread_local! {
        static OPENED: RefCell<Option<Adapter>> = const { RefCell::new(None) };
    }

    pub(super) async fn open() -> Result<Adapter, String> {
        if let Some(opened) = OPENED.with_borrow(Clone::clone) {
            return Ok(opened);
        }
        match Device::wgpu_options().init_with_setup_async().await {
            Ok(opened) => {
                let opened = Adapter::of(opened);
                OPENED.set(Some(opened.clone()));
                Ok(opened)
            }
            Err(error) => Err(reason(&error.to_string())),
        }
    }
}
