#![allow(missing_docs, clippy::unwrap_used)]
//! What healing makes of small models of every kind of family.

mod support;

use std::ops::ControlFlow;

use burn::tensor::{Device, DeviceKind};
use layerlab_heal::{HealError, HealText, RefitOptions, refit};
use pollster::block_on;
use support::{decoder, ids, loss, refitted, removed, scaled, stream, text};

/// Maps with and without bias, stored as inputs by outputs, parallel sublayers, a multiplier of sublayers, norms behind them.
const FAMILIES: [&str; 10] = [
    "llama", "gpt2", "gpt_neox", "granite", "gemma2", "gemma3", "olmo2", "opt", "phi", "phi3",
];

/// The weighted squared error that a refit lowers, over the tokens that it learns from.
fn missing(
    whole: &layerlab_model::Decoder,
    pruned: &layerlab_model::Decoder,
    gap: [usize; 2],
    text: &HealText,
) -> f64 {
    let channels = whole.spec().hidden_size;
    let mut sum = 0.0;
    for sequence in &text.learn {
        let wanted = stream(whole, sequence, gap[0]);
        let found = stream(pruned, sequence, gap[1]);
        for (wanted, found) in wanted.chunks(channels).zip(found.chunks(channels)) {
            let of = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
                let pairs = wanted.iter().zip(found);
                pairs.map(|(w, p)| f(f64::from(*w), f64::from(*p))).sum()
            };
            let size = (of(&|w, _| w * w) / channels as f64).sqrt();
            sum += of(&|w, p| (w - p).powi(2)) / size;
        }
    }
    sum
}

#[test]
fn a_refit_leaves_of_the_error_what_it_says() {
    for family in FAMILIES {
        let whole = decoder(family, &Device::flex());
        let layers = whole.spec().layers();
        let gone: Vec<usize> = (1..layers - 1).take(1).collect();
        let text = HealText::of(&text(&whole, 24, 24)).unwrap();
        let cut = whole.without(&removed(&gone)).unwrap();
        let healed = refitted(&whole, &gone, &text).unwrap();
        let [gap] = &healed.gaps[..] else {
            unreachable!("{family}: {:?}", healed.gaps)
        };
        assert_eq!((gap.layer, &gap.removed), (0, &gone), "{family}");
        assert_eq!(
            gap.has_few_tokens(),
            gap.inputs.is_some_and(|inputs| text.tokens() < inputs)
        );
        assert!(gap.loss_after <= gap.loss_before, "{family}: {gap:?}");
        let found = loss(&healed.decoder, &text.choose);
        assert!(
            (found - gap.loss_after).abs() < 1e-4,
            "{family}: {found}, {gap:?}"
        );
        let before = missing(&whole, &cut, [2, 1], &text);
        let after = missing(&whole, &healed.decoder, [2, 1], &text);
        match gap.left {
            Some(left) => assert!(
                (after / before - left).abs() < 1e-3,
                "{family}: {after} of {before}, {left}"
            ),
            None => assert!((after / before - 1.0).abs() < 1e-6, "{family}"),
        }
        // Nothing else was changed, and the model that it comes of is as it was.
        assert_eq!(
            loss(&whole.without(&removed(&gone)).unwrap(), &text.choose),
            loss(&cut, &text.choose)
        );
    }
}

#[test]
fn a_refit_heals_what_was_cut() {
    let whole = decoder("demo", &Device::flex());
    let text = HealText::of(&text(&whole, 64, 32)).unwrap();
    let healed = refitted(&whole, &[2, 4], &text).unwrap();
    let layers: Vec<usize> = healed.gaps.iter().map(|gap| gap.layer).collect();
    assert_eq!(layers, [1, 3]);
    assert!(
        healed.gaps.iter().any(|gap| gap.lambda.is_some()),
        "{:?}",
        healed.gaps
    );
    // Each gap is healed in the model as healed so far.
    assert!((healed.gaps[0].loss_after - healed.gaps[1].loss_before).abs() < 1e-6);
    let cut = loss(&whole.without(&removed(&[2, 4])).unwrap(), &text.choose);
    assert!(loss(&healed.decoder, &text.choose) < cut);
}

#[test]
fn devices_heal_alike() {
    let gpu = Device::wgpu(DeviceKind::DefaultDevice);
    for family in ["demo", "gpt2", "gemma2"] {
        let [cpu, gpu] = [Device::flex(), gpu.clone()].map(|device| decoder(family, &device));
        let text = HealText::of(&text(&cpu, 24, 24)).unwrap();
        for heal in [refitted, scaled] {
            let [on_cpu, on_gpu] = [&cpu, &gpu].map(|whole| heal(whole, &[1], &text).unwrap());
            let (a, b) = (&on_cpu.gaps[0], &on_gpu.gaps[0]);
            let near = |a: f64, b: f64| (a - b).abs() < 2e-3 * a.abs();
            assert!(near(a.loss_before, b.loss_before), "{family}: {a:?} {b:?}");
            assert!(near(a.loss_after, b.loss_after), "{family}: {a:?} {b:?}");
        }
    }
}

#[test]
fn a_scaled_stream_is_as_large_as_it_was() {
    for family in ["llama", "gpt2", "gemma2"] {
        let whole = decoder(family, &Device::flex());
        let text = HealText::of(&text(&whole, 16, 16)).unwrap();
        let healed = scaled(&whole, &[1], &text).unwrap();
        let [gap] = &healed.gaps[..] else {
            unreachable!("{:?}", healed.gaps)
        };
        let size = |decoder: &layerlab_model::Decoder, blocks| -> f64 {
            let streams = text
                .learn
                .iter()
                .map(|sequence| stream(decoder, sequence, blocks));
            streams.flatten().map(|value| f64::from(value.abs())).sum()
        };
        let cut = whole.without(&removed(&[1])).unwrap();
        let wanted = size(&whole, 2) / size(&cut, 1);
        match gap.factor {
            Some(factor) => assert!(
                (factor / wanted - 1.0).abs() < 1e-4,
                "{family}: {factor}, {wanted}"
            ),
            None => assert_eq!(gap.loss_before, gap.loss_after, "{family}"),
        }
    }
}

#[test]
fn what_cannot_be_healed_is_named() {
    let whole = decoder("llama", &Device::flex());
    let all = text(&whole, 12, 16);
    let enough = HealText::of(&all).unwrap();
    for heal in [refitted, scaled] {
        assert!(matches!(
            heal(&whole, &[0, 1], &enough),
            Err(HealError::NothingBefore)
        ));
        assert!(matches!(
            heal(&whole, &[99], &enough),
            Err(HealError::Model(_))
        ));
        let every: Vec<usize> = (0..whole.spec().layers()).collect();
        assert!(heal(&whole, &every, &enough).is_err());
        // Through the last block there is a way: what comes behind the gap is the final norm.
        let last = whole.spec().layers() - 1;
        assert!(heal(&whole, &[last], &enough).is_ok());
        assert!(heal(&whole, &[], &enough).unwrap().gaps.is_empty());
    }
    assert!(matches!(
        HealText::of(&all[..1]),
        Err(HealError::FewSequences { sequences: 1 })
    ));
    let few = HealText::of(&[ids(1, 3, 60), ids(2, 3, 60)]).unwrap();
    let inner = whole.spec().mlp.inner_size;
    let found = refitted(&whole, &[1], &few);
    match inner > 30 {
        true => assert!(
            matches!(found, Err(HealError::FewTokens { tokens: 3, .. })),
            "{found:?}"
        ),
        false => unreachable!("the golden has {inner} inner channels"),
    }
    let olmo = decoder("olmo2", &Device::flex());
    let read = HealText::of(&text(&olmo, 8, 12)).unwrap();
    assert!(matches!(
        scaled(&olmo, &[1], &read),
        Err(HealError::NoNormBefore { .. })
    ));
}

#[test]
fn who_asks_to_stop_is_heard() {
    let whole = decoder("llama", &Device::flex());
    let text = HealText::of(&text(&whole, 12, 16)).unwrap();
    let (gone, options) = (removed(&[1]), RefitOptions::default());
    let mut stop = |_, _| ControlFlow::Break(());
    let stopped = block_on(refit(&whole, &gone, &text, &options, &mut stop));
    assert!(matches!(stopped, Err(HealError::Interrupted)));
    let mut told = Vec::new();
    let mut tell = |done, total| {
        told.push((done, total));
        ControlFlow::Continue(())
    };
    block_on(refit(&whole, &gone, &text, &options, &mut tell)).unwrap();
    assert!(
        !told.is_empty() && told.iter().all(|(done, total)| done <= total),
        "{told:?}"
    );
}
