//! What is fused computes what it did before, and nothing else is touched.

use walrus::Module;
use wasmi::{Engine, Instance, Linker, Store};

use super::{COMPUTING, fuse};

/// Bodies of functions of four vectors, each with the number of additions in it that are fused, of f32 or of f64. `$a`, `$b` and
/// `$c` are parameters; the vector at address 16 is the fourth.
const BODIES: [(&str, usize); 10] = [
    // The addend lies below the product.
    (
        "local.get $c local.get $a local.get $b f32x4.mul f32x4.add",
        1,
    ),
    (
        "local.get $c local.get $a local.get $b f64x2.mul f64x2.add",
        1,
    ),
    // It is pushed after it.
    (
        "local.get $a local.get $b f32x4.mul local.get $c f32x4.add",
        1,
    ),
    (
        "local.get $a local.get $b f32x4.mul v128.const f32x4 1 2 3 4 f32x4.add",
        1,
    ),
    (
        "local.get $a local.get $b f64x2.mul local.get $address v128.load f64x2.add",
        1,
    ),
    // Twice, the one sum being the other's addend, and once within a block.
    (
        "local.get $c local.get $a local.get $b f32x4.mul f32x4.add local.get $c local.get $b f32x4.mul f32x4.add",
        2,
    ),
    (
        "block (result v128) local.get $a local.get $b f32x4.mul local.get $c f32x4.add end",
        1,
    ),
    // No product, a product of another type, a product that is not what is added to last.
    ("local.get $a local.get $b f32x4.add", 0),
    (
        "local.get $a local.get $b f32x4.mul local.get $c f64x2.add",
        0,
    ),
    (
        "local.get $a local.get $b f32x4.mul local.get $a local.get $c f32x4.add f32x4.sub",
        0,
    ),
];

/// The beginning of a function's name that is looked for.
fn named((beginning, part): (&str, &str)) -> String {
    format!("{beginning}operation{part}")
}

/// A module that exports each body as a function of that number, in a function that only computes or another.
fn module(bodies: &[&str], name: &str) -> Vec<u8> {
    let functions = bodies.iter().enumerate().map(|(number, body)| {
        format!(
            r#"(func $"{name}{number}" (param $a v128) (param $b v128) (param $c v128) (param $address i32) (result v128) {body})
               (func (export "{number}") (param $address i32)
                 local.get $address
                 (call $"{name}{number}"
                   (v128.load offset=0 (local.get $address)) (v128.load offset=16 (local.get $address))
                   (v128.load offset=32 (local.get $address)) (i32.const 16))
                 v128.store offset=64)"#
        )
    });
    // One of each that is looked for has to be there.
    let others = COMPUTING.iter().enumerate().map(|(number, looked_for)| {
        let name = named(*looked_for);
        format!(
            r#"(func $"{name}other{number}" (param $a v128) (result v128)
                 local.get $a local.get $a f32x4.mul local.get $a f32x4.add)"#
        )
    });
    let functions: String = functions.chain(others).collect();
    wat::parse_str(format!(
        r#"(module (memory (export "memory") 1) {functions})"#
    ))
    .expect("a module")
}

/// The module after fusing, and how often that was done beside the one in each of the other functions.
fn fused(module: &[u8]) -> (Vec<u8>, usize) {
    let mut module = Module::from_buffer(module).expect("a module with names");
    let count = fuse(&mut module).expect("all names are there");
    (module.emit_wasm(), count - COMPUTING.len())
}

/// What function `number` makes of whole numbers, which no rounding tells apart.
fn computed(module: &[u8], number: usize, is_double: bool) -> Vec<u8> {
    let engine = Engine::default();
    let module = wasmi::Module::new(&engine, module).expect("a valid module");
    let mut store = Store::new(&engine, ());
    let instance: Instance = Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .expect("an instance");
    let memory = instance.get_memory(&store, "memory").expect("a memory");
    let input: Vec<u8> = match is_double {
        true => (3..9)
            .flat_map(|value| f64::from(value).to_le_bytes())
            .collect(),
        false => (3..15u8)
            .flat_map(|value| f32::from(value).to_le_bytes())
            .collect(),
    };
    memory.write(&mut store, 0, &input).expect("48 bytes");
    let function = instance.get_typed_func::<i32, ()>(&store, &number.to_string());
    let function = function.expect("an export");
    function.call(&mut store, 0).expect("no trap");
    let mut output = vec![0; 16];
    memory.read(&store, 64, &mut output).expect("16 bytes");
    output
}

#[test]
fn what_only_computes_is_fused_and_computes_the_same() {
    for looked_for in COMPUTING {
        for (body, expected) in BODIES {
            let before = module(&[body], &named(looked_for));
            let (after, count) = fused(&before);
            assert_eq!(count, expected, "{body}");
            for is_double in [false, true] {
                let found = computed(&after, 0, is_double);
                assert_eq!(found, computed(&before, 0, is_double), "{body}");
                assert!(found.iter().any(|byte| *byte > 0), "{body}");
            }
        }
    }
}

#[test]
fn several_functions_are_fused_each_with_locals_of_its_own() {
    let bodies = BODIES.map(|(body, _)| body);
    let before = module(&bodies, &named(COMPUTING[0]));
    let (after, count) = fused(&before);
    assert_eq!(count, BODIES.iter().map(|(_, count)| count).sum::<usize>());
    for number in 0..bodies.len() {
        let [found, expected] = [&after, &before].map(|module| computed(module, number, false));
        assert_eq!(found, expected, "{}", bodies[number]);
    }
}

#[test]
fn other_functions_keep_two_roundings() {
    let (_, count) = fused(&module(&[BODIES[0].0], "layerlab_score::"));
    assert_eq!(count, 0);
}

#[test]
fn a_name_that_is_gone_is_told() {
    let bytes = wat::parse_str("(module)").expect("a module");
    let mut module = Module::from_buffer(&bytes).expect("a module");
    let said = fuse(&mut module).expect_err("nothing is there");
    assert!(said.contains(COMPUTING[0].0), "{said}");
}
