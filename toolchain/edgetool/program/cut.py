"""A Program cut apart: every operation reads fresh inputs, so that each can be judged alone.

Running the cut program in some runtime with the reference's values as inputs compares every
operator on identical inputs; differences cannot add up along the network.
"""

from __future__ import annotations

from dataclasses import replace

from edgetool.program.program import Program

RESULT = "{}/result"


def cut_apart(program: Program) -> Program:
    """The program with every activation that is read as an input and every result as an output.

    Input names are the tensors' own names, the result of tensor "t" is called "t/result".
    """
    tensors = {name: tensor for name, tensor in program.tensors.items() if tensor.is_constant}
    read: list[str] = []
    written: list[str] = []
    operations = []
    for operation in program.operations:
        for name in operation.inputs:
            if name and not program.tensors[name].is_constant and name not in read:
                read.append(name)
        results = tuple(RESULT.format(name) for name in operation.outputs)
        written.extend(results)
        operations.append(replace(operation, outputs=results))
    for name in read:
        tensors[name] = program.tensors[name]
    for operation in program.operations:
        for name in operation.outputs:
            result = RESULT.format(name)
            tensors[result] = replace(program.tensors[name], name=result)
    return replace(
        program,
        name=f"{program.name}-cut",
        tensors=tensors,
        operations=tuple(operations),
        inputs=tuple(read),
        outputs=tuple(written),
        input_names=tuple(read),
        output_names=tuple(written),
    )
