//! Healed and pruned models as files: written with their recipe, and found again in what another program has pruned.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;

use layerlab_lab::{
    Cancel, Checkpoint, DeviceChoice, FolderTarget, HealRequest, Healing, LabError, OpenModel,
    Plan, Provenance, Run, export_pruned, files::Folder, heal_with, removed_layers,
};
use pollster::block_on;
use support::{open, short, text};
use tempfile::TempDir;

fn export(
    model: &OpenModel<Folder>,
    plan: Plan,
    heal: Option<Healing>,
    to: &TempDir,
    name: &str,
) -> std::path::PathBuf {
    let path = to.path().join(name);
    let cancel = Cancel::default();
    let mut show = |_| ();
    let mut run = Run::new(&mut show, &cancel);
    let text = text(model, short());
    block_on(async {
        let mut target = FolderTarget::new(&path, None, false).unwrap();
        let provenance = Provenance::of(&model.checkpoint, plan, "2026-01-01T00:00:00Z".into())
            .await
            .unwrap();
        let request = HealRequest {
            ways: heal.into_iter().collect(),
            ..HealRequest::default()
        };
        let removed = provenance.plan.set();
        let healed = heal_with(model, &removed, &text, &request, &mut run)
            .await
            .unwrap();
        let decoder = heal.map(|_| &healed.decoder);
        let provenance = match heal {
            Some(_) => provenance.healed(&healed.record, &text),
            None => provenance,
        };
        export_pruned(
            &model.checkpoint,
            &provenance,
            decoder,
            &mut target,
            &mut run,
        )
        .await
        .unwrap();
        target.commit().unwrap();
    });
    path
}

#[test]
fn what_was_healed_is_written_with_its_recipe() {
    let (model, work) = (open(DeviceChoice::Cpu), TempDir::new().unwrap());
    let plan = Plan::by_hand(vec![2, 3], 6).unwrap();
    let path = export(&model, plan, Some(Healing::Refit), &work, "healed");
    let recipe = fs::read_to_string(path.join("layerlab.json")).unwrap();
    let recipe: serde_json::Value = serde_json::from_str(&recipe).unwrap();
    assert_eq!(recipe["healing"]["way"], "refit");
    assert_eq!(recipe["healing"]["gaps"][0]["layer"], 1);
    assert!(recipe["healed_on"]["tokens"].as_u64().unwrap() > 0);
    // Neither merging of layers as they are nor llama.cpp would give this model.
    assert!(!path.join("mergekit.yaml").exists());
    assert!(recipe["llama_cpp"].is_null());
}

#[test]
fn layers_that_another_program_removed_are_found() {
    let (model, work) = (open(DeviceChoice::Cpu), TempDir::new().unwrap());
    for gone in [vec![1], vec![2, 3], vec![0, 5]] {
        let plan = Plan::by_hand(gone.clone(), 6).unwrap();
        let path = export(&model, plan, None, &work, &format!("{gone:?}"));
        let pruned = block_on(Checkpoint::open(Folder::new(path))).unwrap();
        assert_eq!(
            block_on(removed_layers(&model.checkpoint, &pruned)).unwrap(),
            gone
        );
    }
    let path = export(
        &model,
        Plan::by_hand(vec![4], 6).unwrap(),
        Some(Healing::Refit),
        &work,
        "changed",
    );
    let pruned = block_on(Checkpoint::open(Folder::new(path))).unwrap();
    let found = block_on(removed_layers(&model.checkpoint, &pruned));
    assert!(
        matches!(found, Err(LabError::UnknownLayer { layer: 3 })),
        "{found:?}"
    );
    let other = Folder::new(support::demo().join("../llama"));
    let other = block_on(Checkpoint::open(other)).unwrap();
    let found = block_on(removed_layers(&model.checkpoint, &other));
    assert!(matches!(found, Err(LabError::OtherModel)), "{found:?}");
}
