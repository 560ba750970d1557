"""Arrays → matplotlib Figures. Pictures know tasks; tasks know no pictures. No widgets here."""

from matplotlib.figure import Figure

from .evaluate import summarise


def label_curve(records, *, title="", figsize=(6.4, 4.2)):
    """Records of `evaluate.label_curve` → Figure: accuracy against labels a class, a band of one standard deviation."""
    figure = Figure(figsize=figsize, layout="constrained")
    axes = figure.subplots()
    for arm, row in summarise(records).items():
        budgets, means = list(row), [100 * mean for mean, _ in row.values()]
        spread = [0 if deviation != deviation else 100 * deviation for _, deviation in row.values()]
        line, = axes.plot(budgets, means, "o-", label=arm)
        axes.fill_between(budgets, [m - s for m, s in zip(means, spread)], [m + s for m, s in zip(means, spread)],
                          color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set(xscale="log", xlabel="labels a class", ylabel="accuracy on the test split, %", title=title)
    axes.set_xticks(budgets, [str(budget) for budget in budgets])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def contact_sheet(dataset, *, columns=12, figsize=(8, 6.6)):
    """Dataset → Figure: one row a class, `columns` pictures of each."""
    import torch

    figure = Figure(figsize=figsize, layout="constrained")
    axes = figure.subplots()
    size = dataset.images.shape[-1]
    rows = [torch.cat(list(dataset.images[dataset.labels == label][:columns]), dim=2) for label in range(len(dataset.classes))]
    axes.imshow(torch.cat(rows, dim=1).permute(1, 2, 0).numpy())
    axes.set_xticks([])
    axes.set_yticks([size * (row + 0.5) for row in range(len(rows))], dataset.classes)
    axes.spines[:].set_visible(False)
    return figure
