//! Fused multiply-add for engines with relaxed SIMD.
//!
//! Rust would need the whole lab compiled a second time to use it, and the crate that multiplies matrices does not know
//! of it. What it comes to is one instruction in the place of two, which is done here to the finished module.

use walrus::{
    FunctionId, LocalFunction, LocalId, Module, ModuleLocals, ValType,
    ir::{
        BinaryOp, Instr, InstrLocId, InstrSeq, InstrSeqId, LocalGet, LocalSet, TernOp, TernaryOp,
        Visitor, dfs_in_order,
    },
};

/// Functions that only compute: for them one rounding instead of two is as good or better. Others may depend on two.
/// With each beginning what else the name must have.
const COMPUTING: [(&str, &str); 3] = [
    ("gemm_f32::microkernel::", ""),
    ("layerlab_kernels::ops::statistics::cpu::", ""),
    ("layerlab_kernels::ops::", "::cpu::"),
];

/// Puts `relaxed_madd` in the place of a multiplication followed by an addition to its product, in functions that only
/// compute; gives how often. `module` must have its names.
///
/// # Errors
/// When nothing is found by one of the names, since functions have moved, and the page would be slower unnoticed.
pub fn fuse(module: &mut Module) -> Result<usize, String> {
    let mut fused = 0;
    for (beginning, part) in COMPUTING {
        let count = fuse_named(module, beginning, part);
        if count == 0 {
            return Err(format!(
                "no function named {beginning}…{part}… multiplies and adds; what fuse.rs looks for may have another name now"
            ));
        }
        fused += count;
    }
    Ok(fused)
}

fn fuse_named(module: &mut Module, beginning: &str, part: &str) -> usize {
    let functions: Vec<FunctionId> = module
        .funcs
        .iter_local()
        .map(|(id, _)| id)
        .filter(|id| {
            let name = module.funcs.get(*id).name.as_deref();
            name.is_some_and(|name| name.contains(beginning) && name.contains(part))
        })
        .collect();
    let locals = &mut module.locals;
    functions
        .into_iter()
        .map(|id| fuse_function(module.funcs.get_mut(id).kind.unwrap_local_mut(), locals))
        .sum()
}

fn fuse_function(function: &mut LocalFunction, locals: &mut ModuleLocals) -> usize {
    let mut sequences = Sequences::default();
    dfs_in_order(&mut sequences, function, function.entry_block());
    let mut operands = None;
    let mut fused = 0;
    for id in sequences.0 {
        let instructions = &mut function.block_mut(id).instrs;
        for (instruction, place) in std::mem::take(instructions) {
            let Some((product, op)) = fusing(instructions, &instruction) else {
                instructions.push((instruction, place));
                continue;
            };
            instructions.remove(product);
            if product == instructions.len() {
                let operands =
                    operands.get_or_insert_with(|| [(); 3].map(|()| locals.add(ValType::V128)));
                let moved = addend_last(*operands);
                instructions.extend(moved.map(|instruction| (instruction, place)));
            }
            instructions.push((TernOp { op }.into(), place));
            fused += 1;
        }
    }
    fused
}

/// Where the product stands that `addition` adds something to, and what stands for both.
fn fusing(before: &[(Instr, InstrLocId)], addition: &Instr) -> Option<(usize, TernaryOp)> {
    let Instr::Binop(addition) = addition else {
        return None;
    };
    // The addend lies below the product, or is pushed after it.
    let product = match before {
        [.., (Instr::LocalGet(_), _), (Instr::Load(_), _)] => before.len().checked_sub(3)?,
        [.., (Instr::LocalGet(_) | Instr::Const(_), _)] => before.len().checked_sub(2)?,
        _ => before.len().checked_sub(1)?,
    };
    let (Instr::Binop(multiplication), _) = &before[product] else {
        return None;
    };
    match (multiplication.op, addition.op) {
        (BinaryOp::F32x4Mul, BinaryOp::F32x4Add) => Some((product, TernaryOp::F32x4RelaxedMadd)),
        (BinaryOp::F64x2Mul, BinaryOp::F64x2Add) => Some((product, TernaryOp::F64x2RelaxedMadd)),
        _ => None,
    }
}

/// From [addend, a, b] on the stack to [a, b, addend], by way of `operands`.
fn addend_last([addend, a, b]: [LocalId; 3]) -> [Instr; 6] {
    let set = |local| Instr::from(LocalSet { local });
    let get = |local| Instr::from(LocalGet { local });
    [set(b), set(a), set(addend), get(a), get(b), get(addend)]
}

#[derive(Default)]
struct Sequences(Vec<InstrSeqId>);

impl<'instr> Visitor<'instr> for Sequences {
    fn start_instr_seq(&mut self, sequence: &'instr InstrSeq) {
        self.0.push(sequence.id());
    }
}

#[cfg(test)]
mod tests;
