//! A shard of an experiment, merged with nothing but itself.

use layerlab_lab::{Cancel, NamedShard, Run, ShardDocument, merge_shards};

/// A shard, as `--shard` writes it.
pub fn shard(bytes: &[u8]) {
    let Ok(document) = ShardDocument::from_json("shard", bytes) else {
        return;
    };
    let json = document.to_json().expect("what was read can be written");
    let again = ShardDocument::from_json("shard", json.as_bytes());
    assert_eq!(
        again.expect("what was written can be read").shard(),
        document.shard()
    );
    let shards = vec![NamedShard {
        name: "shard".into(),
        document,
    }];
    let (mut silent, cancel) = (|_| (), Cancel::default());
    let mut run = Run::new(&mut silent, &cancel);
    if let Ok(report) = pollster::block_on(merge_shards(shards, String::new(), &mut run)) {
        assert!(report.to_json().is_ok());
    }
}
